//! A TCP link in front of a port, which can be cut, stalled or slowed: the network between two programs.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// What is read at once. Small, so that a stalled or slow link holds little by itself.
const CHUNK: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Everything passes at once.
    Open,
    /// Nothing passes, and nobody is told: a cable that was pulled.
    Stalled,
    /// So many bytes a second pass in each direction of each connection.
    Slow(u64),
    /// Everything passes so much later in each direction: a Redis that is far.
    Late(Duration),
    /// Connections are ended, new ones are refused.
    Cut,
}

/// A connection's two ends, under a number of its own.
type Pair = (u64, TcpStream, TcpStream);

struct State {
    mode: Mode,
    pairs: Vec<Pair>,
    last_pair: u64,
    /// The owner is gone.
    over: bool,
}

struct Shared {
    target: AtomicU16,
    state: Mutex<State>,
    changed: Condvar,
}

/// See the top of the file.
pub struct Relay {
    /// Where it listens, on loopback.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    /// A link that leads to this port of loopback.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            state: Mutex::new(State {
                mode: Mode::Open,
                pairs: Vec::new(),
                last_pair: 0,
                over: false,
            }),
            changed: Condvar::new(),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || accepting.accept(&listener));
        Self { port, shared }
    }

    fn set(&self, mode: Mode) {
        let mut state = self.shared.state();
        state.mode = mode;
        if mode == Mode::Cut {
            end(&mut state.pairs);
        }
        self.shared.changed.notify_all();
    }

    /// New connections lead to this port.
    pub fn redirect(&self, target: u16) {
        self.shared.target.store(target, Ordering::Relaxed);
    }

    /// From now on nothing passes, and nobody is told. New connections are accepted, and as silent.
    pub fn stall(&self) {
        self.set(Mode::Stalled);
    }

    /// From now on so many bytes a second pass in each direction.
    pub fn slow(&self, bytes_a_second: u64) {
        self.set(Mode::Slow(bytes_a_second.max(1)));
    }

    /// From now on everything passes after half of this round trip in each direction.
    pub fn delay(&self, round_trip: Duration) {
        self.set(Mode::Late(round_trip / 2));
    }

    /// Ends all connections and refuses new ones.
    pub fn cut(&self) {
        self.set(Mode::Cut);
    }

    /// Everything passes again; what was held up is delivered.
    pub fn mend(&self) {
        self.set(Mode::Open);
    }

    /// How many connections go through it.
    pub fn connections(&self) -> usize {
        self.shared.state().pairs.len()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.over = true;
        end(&mut state.pairs);
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Bytes on their way, each chunk with the time at which it arrives. A thread of its own delivers them.
type OnTheWay = mpsc::Sender<(Instant, Vec<u8>)>;

fn on_the_way(to: &TcpStream) -> OnTheWay {
    let (queue, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    let mut to = to.try_clone().expect("a second handle of a socket");
    std::thread::spawn(move || {
        for (due, bytes) in arriving {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
    });
    queue
}

fn end(pairs: &mut Vec<Pair>) {
    for (_, near, far) in pairs.drain(..) {
        let _ = near.shutdown(Shutdown::Both);
        let _ = far.shutdown(Shutdown::Both);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for near in listener.incoming() {
            let (over, mode) = {
                let state = self.state();
                (state.over, state.mode)
            };
            if over {
                return;
            }
            let Ok(near) = near else { continue };
            // Dropping the stream ends it.
            if mode != Mode::Cut
                && let Ok(far) =
                    TcpStream::connect(("127.0.0.1", self.target.load(Ordering::Relaxed)))
            {
                self.join(near, far);
            }
        }
    }

    fn join(self: &Arc<Self>, near: TcpStream, far: TcpStream) {
        let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle of a socket");
        for stream in [&near, &far] {
            stream.set_nodelay(true).expect("no delay");
        }
        let ways = [(copy(&near), copy(&far)), (copy(&far), copy(&near))];
        let pair = {
            let mut state = self.state();
            state.last_pair += 1;
            let pair = state.last_pair;
            state.pairs.push((pair, near, far));
            pair
        };
        for (from, to) in ways {
            let shared = self.clone();
            std::thread::spawn(move || {
                shared.carry(from, to);
                shared.state().pairs.retain(|(known, ..)| *known != pair);
            });
        }
    }

    /// One direction of one connection.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; CHUNK];
        let mut late = None;
        loop {
            let mode = self.wait_while_stalled();
            let most = match mode {
                // A tenth of a second's worth at once.
                Mode::Slow(rate) => usize::try_from(rate / 10).unwrap_or(CHUNK).clamp(1, CHUNK),
                _ => CHUNK,
            };
            let Ok(many @ 1..) = from.read(&mut buffer[..most]) else {
                break;
            };
            // It may have stalled while we waited for these bytes.
            let mode = self.wait_while_stalled();
            if let Mode::Slow(rate) = mode {
                std::thread::sleep(Duration::from_secs_f64(many as f64 / rate as f64));
            }
            if late.is_some() || matches!(mode, Mode::Late(_)) {
                let by = if let Mode::Late(by) = mode {
                    by
                } else {
                    Duration::ZERO
                };
                let queue = late.get_or_insert_with(|| on_the_way(&to));
                if queue
                    .send((Instant::now() + by, buffer[..many].to_vec()))
                    .is_err()
                {
                    break;
                }
                continue;
            }
            if to.write_all(&buffer[..many]).is_err() {
                break;
            }
        }
        // The other direction of this connection ends with it.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn wait_while_stalled(&self) -> Mode {
        let stalled = |state: &mut State| state.mode == Mode::Stalled && !state.over;
        let state = self
            .changed
            .wait_while(self.state(), stalled)
            .unwrap_or_else(PoisonError::into_inner);
        state.mode
    }
}
