//! Ends the transparency log of a service.

use crate::{
    store::log::try_signer,
    transparency::{
        mark::Mark,
        retirement::{Retirement, RetirementError, last_signed, next_name, retire},
    },
};

use super::{Service, ServiceError};

impl Service {
    /// Ends the service's log, if `confirm` agrees with what is to be signed. Nobody may sign meanwhile. Without `successor`, the next log
    /// has the same name with the next number. Returns the note, or `None` if it was not agreed.
    ///
    /// # Errors
    /// [`ServiceError::Retirement`].
    pub async fn retire_log(
        mut self,
        successor: Option<String>,
        reason: String,
        confirm: impl FnOnce(&Retirement) -> bool,
    ) -> Result<Option<String>, ServiceError> {
        let outcome = self.end_log(successor, reason, confirm).await;
        self.close();
        Ok(outcome?)
    }

    async fn end_log(
        &self,
        successor: Option<String>,
        reason: String,
        confirm: impl FnOnce(&Retirement) -> bool,
    ) -> Result<Option<String>, RetirementError> {
        let (origin, now) = (self.config.log_origin(), self.clock.now());
        let session = try_signer(&self.store).await?.ok_or(RetirementError::InUse)?;
        let last = last_signed(&session, &origin, &Mark::of(&self.home), &self.keys, now).await?;
        let ended = Retirement { last, successor: successor.unwrap_or_else(|| next_name(&origin)), reason };
        if !confirm(&ended) {
            return Ok(None);
        }
        retire(&session, &ended, &self.keys, now).await.map(Some)
    }
}
