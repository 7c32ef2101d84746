//! An HTTP proxy that connects as it is asked to, or refuses.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::fake::done;

/// A proxy on loopback. It lives as long as the process.
#[derive(Debug)]
pub struct Proxy {
    host: String,
    heads: Heads,
}

type Heads = Arc<Mutex<Vec<String>>>;

impl Proxy {
    /// Answers each connection with the next of these statuses, and with 200 when there is none left; on 200 it connects.
    ///
    /// # Panics
    /// When no port can be had.
    #[track_caller]
    pub fn start(answers: Vec<u16>) -> Self {
        let listener = done("listen", TcpListener::bind("127.0.0.1:0"));
        let host = done("name its address", listener.local_addr()).to_string();
        let heads = Heads::default();
        let kept = Arc::clone(&heads);
        thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), answers.next());
                // A connection that breaks is no news.
                thread::spawn(move || drop(serve(stream, answer.unwrap_or(200), &kept)));
            }
        });
        Self { host, heads }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The head of every request so far: `CONNECT …` and its headers.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.heads).clone()
    }
}

fn lock(heads: &Heads) -> MutexGuard<'_, Vec<String>> {
    heads.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut client: TcpStream, status: u16, heads: &Heads) -> io::Result<()> {
    let head = head(&mut client)?;
    let to = head.split(' ').nth(1).unwrap_or_default().to_owned();
    lock(heads).push(head);
    write!(client, "HTTP/1.1 {status} As told\r\nvia: 1.1 test\r\n\r\n")?;
    if status != 200 {
        return Ok(());
    }
    let mut server = TcpStream::connect(to)?;
    let (mut from, mut back) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from, &mut back));
    io::copy(&mut server, &mut client)?;
    Ok(())
}

fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
