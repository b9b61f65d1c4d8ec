//! Rate limits: a token bucket for each subject, and for each address without a token. The buckets are in the memory of one
//! process and bounded in number; callers beyond the bound share one bucket.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::HttpRequest;

/// Maximum number of buckets.
const MAX_REMEMBERED: usize = 1 << 16;
/// Interval between two sweeps of a full table.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Key of the shared bucket.
const SHARED: u64 = 0;

/// Token buckets. Each holds the requests of one minute and refills evenly.
pub struct Buckets {
    /// Refill time of one request; `None` without a limit.
    interval: Option<Duration>,
    start: Instant,
    hasher: RandomState,
    table: Mutex<Table>,
}

struct Table {
    /// By hashed caller: when the bucket is full again, counted from the start.
    full_at: HashMap<u64, Duration>,
    swept: Duration,
}

impl Buckets {
    /// Buckets for `per_minute` requests a minute; 0 means no limit.
    pub fn new(per_minute: u32, start: Instant) -> Self {
        let interval = (per_minute > 0).then(|| Duration::from_secs(60) / per_minute);
        let table = Mutex::new(Table { full_at: HashMap::new(), swept: Duration::ZERO });
        Self { interval, start, hasher: RandomState::new(), table }
    }

    /// Takes one request out of the bucket of `caller`.
    ///
    /// # Errors
    /// Seconds to wait, at least one, if the bucket is empty.
    pub fn take(&self, caller: impl Hash, now: Instant) -> Result<(), u64> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let capacity = Duration::from_secs(60);
        let now = now.saturating_duration_since(self.start);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let key = table.place(self.hasher.hash_one(caller), now);
        let full_at = table.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now) + interval;
        match (next - now).checked_sub(capacity).filter(|over| !over.is_zero()) {
            Some(over) => Err(over.as_secs() + 1),
            None => {
                *full_at = next;
                Ok(())
            }
        }
    }
}

impl Table {
    /// The key itself, or the shared key if the caller is new and the table is full.
    fn place(&mut self, key: u64, now: Duration) -> u64 {
        if self.full_at.len() < MAX_REMEMBERED || self.full_at.contains_key(&key) {
            return key;
        }
        if now.saturating_sub(self.swept) >= SWEEP_EVERY {
            // a full bucket need not be stored
            self.full_at.retain(|_, full_at| *full_at > now);
            self.swept = now;
        }
        if self.full_at.len() < MAX_REMEMBERED { key } else { SHARED }
    }
}

/// A range of addresses such as `10.0.0.0/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: u128,
    bits: u32,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither an IP address nor a network such as 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits.map_or(Ok(width), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > width {
            return Err(wrong());
        }
        Ok(Self { address: number(address), bits: bits + 128 - width })
    }
}

impl Network {
    /// Whether the network contains `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let outside = 128 - self.bits;
        (number(address) ^ self.address).checked_shr(outside).unwrap_or(0) == 0
    }
}

fn number(address: IpAddr) -> u128 {
    let v6 = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    u128::from(v6)
}

/// The address that a request without a token counts against: the peer's, or the one that a trusted proxy reports. An IPv6 /64
/// counts as one address, because a provider gives a whole /64 to one customer.
pub fn client_address(request: &HttpRequest, trusted: &[Network]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer;
    if is_proxy(peer) {
        let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = forwarded.flat_map(|list| list.split(',')).collect();
        // from the right: the caller may have written the entries further left
        for name in named.into_iter().rev() {
            let Ok(next) = name.trim().parse() else {
                break;
            };
            address = next;
            if !is_proxy(next) {
                break;
            }
        }
    }
    customer_network(address)
}

/// What a provider gives to one customer: an IPv4 address, or an IPv6 /64.
pub fn customer_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_bucket_gives_a_minute_s_requests_at_once_and_then_one_at_a_time() {
        let start = Instant::now();
        let buckets = Buckets::new(60, start);
        for _ in 0..60 {
            assert_eq!(buckets.take("alice", start), Ok(()));
        }
        assert_eq!(buckets.take("alice", start), Err(2));
        assert_eq!(buckets.take("bob", start), Ok(()));
        let later = start + Duration::from_secs(1);
        assert_eq!(buckets.take("alice", later), Ok(()));
        assert!(buckets.take("alice", later).is_err());
        let much_later = start + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| buckets.take("alice", much_later).is_ok()).count(), 60);
    }

    #[test]
    fn no_limit_is_no_limit() {
        let start = Instant::now();
        let buckets = Buckets::new(0, start);
        assert!((0..10_000).all(|_| buckets.take("alice", start).is_ok()));
    }

    #[test]
    fn a_flood_of_new_addresses_takes_bounded_memory_and_shares_one_bucket() {
        let start = Instant::now();
        let buckets = Buckets::new(1, start);
        let passed = (0..2 * MAX_REMEMBERED as u64).filter(|i| buckets.take(i, start).is_ok()).count();
        assert!(passed <= MAX_REMEMBERED + 1, "{passed}");
        assert!(buckets.table.lock().unwrap().full_at.len() <= MAX_REMEMBERED + 1);
        // once the buckets are full again they are forgotten
        let later = start + Duration::from_secs(61);
        assert_eq!(buckets.take("somebody new", later), Ok(()));
        assert!(buckets.table.lock().unwrap().full_at.len() < 10);
    }

    #[test]
    fn ranges_of_addresses_are_read_and_hold_what_they_say() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(network("10.0.0.0/8").contains(address("10.255.0.1")));
        assert!(!network("10.0.0.0/8").contains(address("11.0.0.1")));
        assert!(network("127.0.0.1").contains(address("::ffff:127.0.0.1")));
        assert!(!network("127.0.0.1").contains(address("127.0.0.2")));
        assert!(network("::/0").contains(address("2001:db8::1")));
        assert!(network("2001:db8::/32").contains(address("2001:db8:1::1")));
        for wrong in ["", "10.0.0.0/33", "ten", "10.0.0.0/", "::/129"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_chooses_the_address_they_count_against() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let seen = |peer: &str, forwarded: &str| {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            let request = request.insert_header(("x-forwarded-for", forwarded)).to_http_request();
            client_address(&request, &trusted).to_string()
        };
        assert_eq!(seen("192.0.2.1:5", "198.51.100.7"), "192.0.2.1");
        assert_eq!(seen("10.1.1.1:5", "198.51.100.7"), "198.51.100.7");
        assert_eq!(seen("10.1.1.1:5", "203.0.113.9, 198.51.100.7, 10.2.2.2"), "198.51.100.7");
        assert_eq!(seen("10.1.1.1:5", "203.0.113.9, nonsense"), "10.1.1.1");
        assert_eq!(seen("[2001:db8::1:2]:5", ""), "2001:db8::");
    }
}
