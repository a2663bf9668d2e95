//! A request that is under way: the service has its head and waits for its body.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{Form, Service};

pub(crate) struct Held<S = TcpStream> {
    stream: S,
    body: String,
}

impl Held {
    /// Sends the head and waits until the service asks for the body.
    pub(crate) fn begin(service: &Service, proof: &str, form: &Form) -> Self {
        Self::over(TcpStream::connect(service.url("").trim_start_matches("http://")).unwrap(), proof, form)
    }
}

impl<S: Read + Write> Held<S> {
    /// The same over `stream`.
    pub(crate) fn over(mut stream: S, proof: &str, form: &Form) -> Self {
        let body = form.encode();
        let head = format!(
            "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ndpop: {proof}\r\n\
             expect: 100-continue\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream, body }
    }

    /// Sends the body and returns the answer.
    pub(crate) fn finish(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).unwrap();
        self.abandon()
    }

    /// Returns the answer to a body that never came.
    pub(crate) fn abandon(mut self) -> String {
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        answer
    }
}
