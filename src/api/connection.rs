//! Connections: how many there may be, and how long a peer may take nothing.
//!
//! The HTTP library bounds the time for the head of the first request and for an idle connection, but not the time in which a peer
//! takes an answer. A connection that stalls is therefore ended here, below HTTP. Whatever the kernel still holds for such a peer is
//! bounded by the size of its send buffer and by its own timeout.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

use super::{
    limits::{Network, customer_network},
    quota::{Quota, Share},
};

/// How long the service waits for its peers.
const PATIENCE: Patience = Patience {
    stalled: Duration::from_secs(30),
    idle: Duration::from_secs(20),
    head: Duration::from_secs(10),
    tick: Duration::from_secs(5),
};
/// What counts as taking something, so that single bytes do not keep a connection.
const LEAST_TAKEN: usize = 16 << 10;
/// The kernel's send buffer of a connection; it reserves twice as much. It is enough for 1 MB/s over 200 ms, and small enough
/// that a slow peer makes visible progress within [`PATIENCE`].
const SEND_BUFFER: usize = 128 << 10;

/// How long a peer is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Time in which a peer must take [`LEAST_TAKEN`], or everything that is waiting for it.
    stalled: Duration,
    /// How long an idle connection stays open when connections are scarce. Longer than an event stream is silent.
    idle: Duration,
    /// Time for the head of a request after the first.
    head: Duration,
    /// How often a waiting connection is looked at.
    tick: Duration,
}

/// All connections of the API.
pub struct Connections {
    patience: Patience,
    seats: Arc<Quota<IpAddr>>,
    trusted_proxies: Vec<Network>,
    refused: AtomicU64,
}

impl Connections {
    /// At most `all` connections, and `each` from one address. Trusted proxies, which connect for many, have no bound of their
    /// own.
    pub fn new(all: u64, each: u64, trusted_proxies: Vec<Network>) -> Self {
        Self { patience: PATIENCE, seats: Quota::new(all, each), trusted_proxies, refused: AtomicU64::new(0) }
    }

    /// A new connection, or `None` if there are too many.
    pub fn admit(&self, io: TcpStream) -> Option<Connection> {
        let peer = io.peer_addr().ok()?;
        let Ok(seat) = self.seats.take(self.caller(peer.ip()), 1) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("assay_connections_refused_total").increment(1);
            return None;
        };
        let socket = SockRef::from(&io);
        // a kernel without these settings only keeps more for longer
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        let _ = socket.set_tcp_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(self.patience.stalled));
        Some(Connection::new(io, seat, self.patience))
    }

    /// Whether connections are scarce, in all or for `peer`.
    pub fn is_crowded(&self, peer: Option<IpAddr>) -> bool {
        let caller = peer.and_then(|peer| self.caller(peer));
        self.seats.is_crowded(caller.as_ref())
    }

    /// How many connections were refused since the last call.
    pub fn take_refused(&self) -> u64 {
        self.refused.swap(0, Ordering::Relaxed)
    }

    fn caller(&self, peer: IpAddr) -> Option<IpAddr> {
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(peer));
        (!is_proxy).then(|| customer_network(peer))
    }
}

/// The requests of a connection. The HTTP library bounds the time for the head of the first one only.
#[derive(Default)]
pub struct Requests {
    begun: AtomicU64,
    answered: AtomicU64,
}

impl Requests {
    /// A request has arrived; it is answered when the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> impl Drop + use<> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// How many have begun, and how many of them are answered.
    fn counts(&self) -> (u64, u64) {
        (self.begun.load(Ordering::Relaxed), self.answered.load(Ordering::Relaxed))
    }
}

struct Answering(Arc<Requests>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// What an open connection waits for.
enum Waiting {
    /// Another request.
    Idle { since: Instant },
    /// The rest of a request's head, after so many requests.
    Head { since: Instant, begun: u64 },
}

/// A connection that ends when its peer takes nothing, when a head does not arrive, and when it is idle and connections are
/// scarce.
pub struct Connection {
    io: TcpStream,
    seat: Share<IpAddr>,
    requests: Arc<Requests>,
    patience: Patience,
    stall: Stall,
    /// Nothing while a request is being answered.
    waiting: Option<Waiting>,
    /// Wakes a waiting connection to look whether it has waited too long. One timer for the whole connection: one for each
    /// request would cost more than the request.
    tick: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    fn new(io: TcpStream, seat: Share<IpAddr>, patience: Patience) -> Self {
        let (requests, stall) = (Arc::default(), Stall::new(patience.stalled));
        Self { io, seat, requests, patience, stall, waiting: None, tick: None }
    }

    /// The connection's requests, for those who answer them.
    pub fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// Whether the connection has waited too long. Wakes the task to look again.
    fn overstays(&mut self, cx: &mut Context<'_>) -> bool {
        while self.waiting.is_some() {
            let period = self.patience.tick;
            let tick = self.tick.get_or_insert_with(|| Box::pin(sleep(period)));
            if tick.as_mut().poll(cx).is_pending() {
                return false;
            }
            tick.as_mut().reset(Instant::now() + period);
            if self.is_overdue() {
                return true;
            }
        }
        false
    }

    fn is_overdue(&mut self) -> bool {
        let (begun, answered) = self.requests.counts();
        let reason = match self.waiting {
            // a request is being answered: the one that a head belonged to, or one that was sent along with the last
            _ if begun != answered => {
                self.waiting = None;
                return false;
            }
            Some(Waiting::Head { begun: before, .. }) if begun != before => {
                self.waiting = None;
                return false;
            }
            Some(Waiting::Idle { since }) if since.elapsed() >= self.patience.idle && self.seat.is_crowded() => {
                "crowded"
            }
            Some(Waiting::Head { since, .. }) if since.elapsed() >= self.patience.head => "head",
            _ => return false,
        };
        metrics::counter!("assay_connections_ended_total", "reason" => reason).increment(1);
        true
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            // reading nothing is the end of the stream
            Poll::Pending if this.overstays(cx) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
            ready => {
                if let Some(Waiting::Idle { .. }) = this.waiting {
                    let (begun, _) = this.requests.counts();
                    this.waiting = Some(Waiting::Head { since: Instant::now(), begun });
                }
                ready
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Ready(Ok(taken)) => {
                this.waiting = Some(Waiting::Idle { since: Instant::now() });
                this.stall.took(taken, taken == bytes.len());
                Poll::Ready(Ok(taken))
            }
            Poll::Pending if this.stall.is_over(cx) => {
                // what the kernel still holds is dropped, not kept for a peer that does not take it
                let _ = this.io.set_zero_linger();
                metrics::counter!("assay_connections_ended_total", "reason" => "stalled").increment(1);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
            }
            other => other,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// Measures how long a peer takes nothing.
struct Stall {
    patience: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl Stall {
    fn new(patience: Duration) -> Self {
        Self { patience, timer: None, taken: 0 }
    }

    /// The peer took `bytes`, or even all that was waiting.
    fn took(&mut self, bytes: usize, all: bool) {
        self.taken = self.taken.saturating_add(bytes);
        if all || self.taken >= LEAST_TAKEN {
            (self.taken, self.timer) = (0, None);
        }
    }

    /// Nothing can be written: is the patience over? Wakes the task when it is.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.timer.get_or_insert_with(|| Box::pin(sleep(self.patience))).as_mut().poll(cx).is_ready()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::poll_fn;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::timeout,
    };

    use super::*;

    const SHORT: Patience = Patience {
        stalled: Duration::from_millis(300),
        idle: Duration::from_millis(200),
        head: Duration::from_millis(200),
        tick: Duration::from_millis(20),
    };

    fn connections(all: u64, each: u64, proxies: &[&str]) -> Connections {
        let proxies = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        Connections { patience: SHORT, ..Connections::new(all, each, proxies) }
    }

    async fn pair(connections: &Connections) -> (Option<Connection>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (connections.admit(listener.accept().await.unwrap().0), peer)
    }

    /// Writes for three seconds, or until an error occurs; the peer takes up to `each` bytes every 20 ms.
    async fn written_to_a_peer_that_takes(each: usize) -> Result<(), io::ErrorKind> {
        let (connection, mut peer) = pair(&connections(2, 2, &[])).await;
        let mut connection = connection.unwrap();
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; each.max(1)];
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if each > 0 && peer.read(&mut buffer).await.is_err() {
                    return;
                }
            }
        });
        let piece = [7; 32 << 10];
        let end = Instant::now() + Duration::from_secs(3);
        let result = loop {
            if Instant::now() > end {
                break Ok(());
            }
            if let Err(e) = connection.write_all(&piece).await {
                break Err(e.kind());
            }
        };
        reader.abort();
        result
    }

    #[tokio::test]
    async fn who_takes_nothing_is_cut_off_and_who_is_slow_is_not() {
        assert_eq!(written_to_a_peer_that_takes(0).await, Err(io::ErrorKind::TimedOut));
        assert_eq!(written_to_a_peer_that_takes(64 << 10).await, Ok(()));
    }

    #[tokio::test]
    async fn single_bytes_are_no_progress() {
        let mut stall = Stall::new(SHORT.stalled);
        assert!(!poll_fn(|cx| Poll::Ready(stall.is_over(cx))).await);
        for _ in 0..3 {
            tokio::time::sleep(SHORT.stalled / 2).await;
            stall.took(1, false);
        }
        assert!(poll_fn(|cx| Poll::Ready(stall.is_over(cx))).await);
        stall.took(LEAST_TAKEN, false);
        assert!(!poll_fn(|cx| Poll::Ready(stall.is_over(cx))).await);
    }

    #[tokio::test]
    async fn one_address_cannot_take_every_connection_and_a_trusted_proxy_can() {
        for (proxies, admitted) in [(&[][..], 2), (&["127.0.0.0/8"][..], 3)] {
            let connections = connections(3, 2, proxies);
            let mut held = Vec::new();
            for _ in 0..5 {
                held.push(pair(&connections).await);
            }
            assert_eq!(held.iter().filter(|(connection, _)| connection.is_some()).count(), admitted);
            assert_eq!((connections.take_refused(), connections.take_refused()), (5 - admitted as u64, 0));
            // what ended has made room
            drop(held);
            assert!(pair(&connections).await.0.is_some());
        }
    }

    /// Whether the connection reads its end within a time.
    async fn reads_its_end_within(connection: &mut Connection, limit: Duration) -> bool {
        matches!(timeout(limit, connection.read(&mut [0; 8])).await, Ok(Ok(0)))
    }

    #[tokio::test]
    async fn an_idle_connection_makes_room_only_where_room_is_scarce() {
        let (connection, _peer) = pair(&connections(100, 100, &[])).await;
        let mut connection = connection.unwrap();
        connection.write_all(b"answer").await.unwrap();
        assert!(!reads_its_end_within(&mut connection, SHORT.idle * 4).await);

        let (connection, _peer) = pair(&connections(1, 1, &[])).await;
        let mut connection = connection.unwrap();
        // a request whose answer is being made is not idle, however long that takes
        assert!(!reads_its_end_within(&mut connection, SHORT.idle * 4).await);
        connection.write_all(b"answer").await.unwrap();
        assert!(!reads_its_end_within(&mut connection, SHORT.idle / 4).await);
        assert!(reads_its_end_within(&mut connection, SHORT.idle * 8).await);
    }

    #[tokio::test]
    async fn a_connection_is_not_idle_while_a_request_sent_along_with_another_is_answered() {
        let (connection, _peer) = pair(&connections(1, 1, &[])).await;
        let mut connection = connection.unwrap();
        let requests = connection.requests();
        let (first, second) = (requests.begin(), requests.begin());
        drop(first);
        connection.write_all(b"first answer").await.unwrap();
        assert!(!reads_its_end_within(&mut connection, SHORT.idle * 4).await);
        drop(second);
        connection.write_all(b"second answer").await.unwrap();
        assert!(reads_its_end_within(&mut connection, SHORT.idle * 8).await);
    }

    #[tokio::test]
    async fn the_head_of_a_later_request_must_arrive_and_its_body_may_take_its_time() {
        let (connection, mut peer) = pair(&connections(100, 100, &[])).await;
        let mut connection = connection.unwrap();
        let mut buffer = [0; 64];
        connection.write_all(b"answer").await.unwrap();
        peer.write_all(b"PUT / HTTP/1.1 and so on").await.unwrap();
        assert!(connection.read(&mut buffer).await.unwrap() > 0);
        let request = connection.requests().begin();
        assert!(!reads_its_end_within(&mut connection, SHORT.head * 4).await);
        // the caller was told to go on, and sends its body
        connection.write_all(b"100 Continue").await.unwrap();
        peer.write_all(b"body").await.unwrap();
        assert!(connection.read(&mut buffer).await.unwrap() > 0);
        assert!(!reads_its_end_within(&mut connection, SHORT.head * 4).await);
        drop(request);
        connection.write_all(b"answer").await.unwrap();
        peer.write_all(b"GET / HT").await.unwrap();
        assert!(connection.read(&mut buffer).await.unwrap() > 0);
        // more single bytes do not help
        peer.write_all(b"T").await.unwrap();
        assert!(connection.read(&mut buffer).await.unwrap() > 0);
        assert!(reads_its_end_within(&mut connection, SHORT.head * 8).await);
    }
}
