//! A receiver of webhooks: it checks each signature as Standard Webhooks has it, keeps what is posted, and answers what the test
//! says.

use crate::certs::Pair;
use crate::eventually::eventually;
use data_encoding::BASE64;
use hmac::{Hmac, Mac};
use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;
use sha2::Sha256;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A secret that both sides know.
pub const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Another one.
pub const OTHER_SECRET: &str = "whsec_/v38+/r5+Pf29fTz8vHw7+7t7Ovq6ejn5uXk4+Lh4N8=";

/// How long a part of a post may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its id.
    pub id: String,
    /// Its signatures.
    pub signature: String,
    /// Its body.
    pub body: Value,
    /// When it came.
    pub at: Instant,
    /// What it was answered.
    pub status: u16,
}

impl Post {
    /// Room, uid and id of each telling.
    pub fn tellings(&self) -> Vec<(String, String, String)> {
        let rows = self.body["data"]["waiting"].as_array();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let rows = rows.into_iter().flatten();
        rows.map(|row| (text(row, "roomid"), text(row, "uid"), text(row, "id")))
            .collect()
    }
}

type Answers = Box<dyn FnMut(&Post) -> (u16, String) + Send>;

struct State {
    posts: Vec<Post>,
    answers: Answers,
    over: bool,
}

/// See the top of the file.
pub struct Receiver {
    /// Where it listens.
    pub port: u16,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::speaking("http", |stream, state| {
            stream.set_read_timeout(Some(PATIENCE))?;
            serve(stream, state)
        })
    }

    /// The same over TLS, with a certificate for localhost.
    pub fn secure(pair: &Pair) -> Self {
        let config = pair.server();
        Self::speaking("https", move |stream, state| {
            stream.set_read_timeout(Some(PATIENCE))?;
            let session = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
            serve(StreamOwned::new(session, stream), state)
        })
    }

    fn speaking(
        scheme: &'static str,
        serve: impl Fn(TcpStream, &Mutex<State>) -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State {
            posts: Vec::new(),
            answers: Box::new(|_| (200, String::new())),
            over: false,
        }));
        let of_thread = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_thread.lock().expect("a state").over {
                    return;
                }
                // Whoever is killed in the middle of a post has posted nothing.
                let _ = serve(stream, &of_thread);
            }
        });
        Self {
            port,
            scheme,
            state,
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let host = if self.scheme == "https" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        format!("{}://{host}:{}/waiting", self.scheme, self.port)
    }

    /// What it answers from now on: a status, and header lines.
    pub fn answers(&self, answers: impl FnMut(&Post) -> (u16, String) + Send + 'static) {
        self.state.lock().expect("a state").answers = Box::new(answers);
    }

    /// What was posted until now.
    pub fn posts(&self) -> Vec<Post> {
        self.state.lock().expect("a state").posts.clone()
    }

    /// All tellings that were taken: room, uid, id.
    pub fn told(&self) -> Vec<(String, String, String)> {
        let posts = self.posts().into_iter().filter(|post| post.status == 200);
        posts.flat_map(|post| post.tellings()).collect()
    }

    /// Waits until so much was posted.
    pub fn wait(&self, many: usize) -> Vec<Post> {
        let what = format!("{many} posts");
        eventually(&what, || {
            Some(self.posts()).filter(|posts| posts.len() >= many)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.lock().expect("a state").over = true;
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn serve(stream: impl Read + Write, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.push((name.to_lowercase(), value.to_owned()));
        }
    }
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).map_err(std::io::Error::other)?;
    let mut post = Post {
        id: header("webhook-id"),
        signature: header("webhook-signature"),
        body: serde_json::from_str(&body).unwrap_or_default(),
        at: Instant::now(),
        status: 0,
    };
    let signed = signature(SECRET, &post.id, &header("webhook-timestamp"), &body);
    let is_signed = post.signature.split(' ').any(|one| one == signed);
    let (status, more) = {
        let mut state = state.lock().expect("a state");
        let (status, more) = match is_signed {
            true => (state.answers)(&post),
            false => (401, String::new()),
        };
        post.status = status;
        state.posts.push(post);
        (status, more)
    };
    if status > 0 {
        let answer =
            format!("HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes())?;
        reader.get_mut().flush()?;
    }
    Ok(())
}

/// What signs a post.
pub fn signature(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let secret = secret.strip_prefix("whsec_").expect("a secret");
    let key = BASE64.decode(secret.as_bytes()).expect("Base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}
