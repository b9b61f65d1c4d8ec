//! Named SQL statements. All are registered, so that a test can prepare each of them on a real database.

use tokio_postgres::{Row, types::ToSql};

use super::{
    error::{Result, StoreError},
    tx::Session,
};

/// A statement and its name.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// Its name in errors, such as `assay::store::jobs::ADVANCE`.
    pub name: &'static str,
    /// The statement.
    pub text: &'static str,
}

impl Sql {
    pub(super) async fn execute(&self, session: &impl Session, parameters: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        let client = session.client();
        let statement = client.prepare_cached(self.text).await.map_err(self.failed())?;
        client.execute(&statement, parameters).await.map_err(self.failed())
    }

    pub(super) async fn rows(&self, session: &impl Session, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let client = session.client();
        let statement = client.prepare_cached(self.text).await.map_err(self.failed())?;
        client.query(&statement, parameters).await.map_err(self.failed())
    }

    pub(super) async fn row(&self, session: &impl Session, parameters: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>> {
        let client = session.client();
        let statement = client.prepare_cached(self.text).await.map_err(self.failed())?;
        client.query_opt(&statement, parameters).await.map_err(self.failed())
    }

    /// Turns the client's errors into errors that name this statement.
    pub(super) fn failed(&self) -> impl Fn(tokio_postgres::Error) -> StoreError + use<> {
        let name = self.name;
        move |e| StoreError::from_postgres(name, e)
    }
}

/// Defines one constant for each statement, and `STATEMENTS` with all of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) const $name: $crate::store::sql::Sql =
                $crate::store::sql::Sql { name: concat!(module_path!(), "::", stringify!($name)), text: $text };
        )*
        /// Every statement of this file.
        pub(crate) const STATEMENTS: &[$crate::store::sql::Sql] = &[$($name),*];
    };
}
pub(super) use statements;
