//! tokio_echo: Tokio's echo server, on its runtime for one thread.
//!
//!     tokio_echo tcp|udp [BYTES]     BYTES: a connection's buffer, 4096 unless told

use std::io;
use std::process::exit;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const USUAL_BYTES: usize = 4096;
const DATAGRAM_BYTES: usize = 65536;
const UNTIL_DESCRIPTORS_ARE_FREE: Duration = Duration::from_millis(10);

async fn echo(mut stream: TcpStream, bytes: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; bytes];
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..size]).await?;
    }
}

async fn serve_streams(bytes: usize) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening tcp://{}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(echo(stream, bytes));
            }
            Err(_) => tokio::time::sleep(UNTIL_DESCRIPTORS_ARE_FREE).await,
        }
    }
}

async fn serve_datagrams() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    println!("listening udp://{}", socket.local_addr()?);
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        if let Ok((size, sender)) = socket.recv_from(&mut buffer).await {
            // What is refused is lost, as UDP allows.
            let _ = socket.send_to(&buffer[..size], sender).await;
        }
    }
}

fn usage() -> ! {
    eprintln!("usage: tokio_echo tcp|udp [BYTES]");
    exit(2)
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let bytes = match arguments.get(1).map(|text| text.parse()) {
        None => USUAL_BYTES,
        Some(Ok(bytes)) if bytes > 0 => bytes,
        Some(_) => usage(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match arguments.first().map(String::as_str) {
        Some("tcp") => runtime.block_on(serve_streams(bytes)),
        Some("udp") => runtime.block_on(serve_datagrams()),
        _ => usage(),
    }
}
