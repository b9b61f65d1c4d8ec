//! Connections: how many there may be, and how long a peer may take nothing.
//!
//! The HTTP library bounds the time for a request's head and for an idle connection, but not the time in which a peer takes an
//! answer. A connection that stalls is therefore ended here, below HTTP. Whatever the kernel still holds for such a peer is
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
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    limits::{Network, customer_network},
    quota::{Quota, Share},
};

/// How long the service waits for its peers.
const PATIENCE: Patience = Patience { stalled: Duration::from_secs(30), idle: Duration::from_secs(20) };
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

/// A connection that ends when its peer stalls, and that closes earlier when it is idle and connections are scarce.
pub struct Connection {
    io: TcpStream,
    seat: Share<IpAddr>,
    stall: Stall,
    idle: Duration,
    /// Since when the last thing that happened was a write, which is when a connection may be idle.
    wrote_at: Option<Instant>,
    /// Wakes an idle connection to look whether connections are scarce.
    look: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    fn new(io: TcpStream, seat: Share<IpAddr>, patience: Patience) -> Self {
        Self { io, seat, stall: Stall::new(patience.stalled), idle: patience.idle, wrote_at: None, look: None }
    }

    /// Whether the connection is idle and should make room.
    fn makes_room(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(wrote_at) = self.wrote_at else {
            self.look = None;
            return false;
        };
        let idle = self.idle;
        loop {
            let look = self.look.get_or_insert_with(|| Box::pin(sleep_until(wrote_at + idle)));
            if look.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.look = None;
            if wrote_at.elapsed() >= idle {
                if self.seat.is_crowded() {
                    metrics::counter!("assay_connections_ended_total", "reason" => "crowded").increment(1);
                    return true;
                }
                self.look = Some(Box::pin(sleep(idle)));
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            // reading nothing is the end of the stream
            Poll::Pending if this.makes_room(cx) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
            ready => {
                this.wrote_at = None;
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
                this.wrote_at = Some(Instant::now());
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

    const SHORT: Patience = Patience { stalled: Duration::from_millis(300), idle: Duration::from_millis(200) };

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
}
