//! Connections as clients use them, plain and inside TLS.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use mensageiro_protocol::trust::PublicKey;
use proptest::prelude::*;
use rcgen::PublicKeyData;
use rustls::{
    ClientConnection, SignatureScheme, client::ResolvesClientCert,
    crypto::ring::sign::any_supported_type, pki_types::PrivateKeyDer, sign::CertifiedKey,
};

use super::{
    tls::{HandshakeLimits, Identity, Tls},
    transport::Transport,
};

#[path = "../../tests/support/tls.rs"]
mod client;

use client::{TlsClient, connection, connection_with};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that accepts one connection at a time.
struct Door {
    listener: TcpListener,
    tls: Arc<Tls>,
}

impl Door {
    fn open(folder: &Path) -> Self {
        let limits = HandshakeLimits {
            at_a_time: None,
            time: PATIENCE,
        };
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            tls: Tls::new(Identity::load(None, folder).unwrap(), limits),
        }
    }

    fn accept(&self) -> Transport {
        let (stream, address) = self.listener.accept().unwrap();
        let transport = Transport::with_tls(stream, address, PATIENCE, self.tls.clone()).unwrap();
        transport.set_read_limit(Some(PATIENCE)).unwrap();
        transport
    }

    /// Both ends of a connection inside TLS, after the client has said `ana`.
    fn connect(&self, connection: ClientConnection) -> std::io::Result<(Transport, TlsClient)> {
        let address = self.listener.local_addr().unwrap();
        thread::scope(|scope| {
            let client = scope.spawn(move || {
                let mut client = TlsClient::connect_through(address, connection)?;
                client.stream.write_all(b"ana\n")?;
                std::io::Result::Ok(client)
            });
            let transport = self.accept();
            let received = receive(&transport);
            let client = client.join().unwrap();
            assert_eq!(received?, b"ana\n");
            Ok((transport, client?))
        })
    }
}

/// The next bytes for the reader.
fn receive(transport: &Transport) -> std::io::Result<Vec<u8>> {
    let mut bytes = [0; 2048];
    loop {
        match transport.read(&mut bytes) {
            Ok(count) => return Ok(bytes[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A certificate, and a key that may be another one's.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl Shown {
    fn new(certificate: &rcgen::Certificate, key: &rcgen::KeyPair) -> Arc<Self> {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = any_supported_type(&key).unwrap();
        Arc::new(Self(Arc::new(CertifiedKey::new(
            vec![certificate.der().clone()],
            key,
        ))))
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn client_is_known_by_the_key_that_it_proves_to_have() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path());
    let (transport, _client) = door.connect(connection()).unwrap();
    let peer = transport.peer();
    assert!(peer.is_encrypted && peer.key.is_none());
    let [own, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed([]).unwrap());
    let shown = Shown::new(&own.cert, &own.signing_key);
    let (transport, _client) = door.connect(connection_with(Some(shown))).unwrap();
    let key = PublicKey::of(&own.signing_key.subject_public_key_info());
    assert_eq!(transport.peer().key, Some(key));
    // Everybody can show somebody else's certificate.
    let stolen = Shown::new(&own.cert, &other.signing_key);
    assert!(door.connect(connection_with(Some(stolen))).is_err());
    let counts = door.tls.handshakes();
    assert_eq!((counts.done, counts.failed), (2, 1));
}

#[test]
fn what_a_slow_client_has_not_taken_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path());
    let (transport, mut client) = door.connect(connection()).unwrap();
    let all: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut written = 0;
    // Nobody reads yet.
    while let Ok(count) = transport.write_now(&all[written..]) {
        written += count;
    }
    assert!((1..all.len()).contains(&written));
    assert!((1..=16 * 1024).contains(&transport.waiting()));
    thread::scope(|scope| {
        let taken = scope.spawn(|| {
            let mut taken = vec![0; all.len()];
            client.stream.read_exact(&mut taken).unwrap();
            taken
        });
        // Sometimes waiting, sometimes not, and not always the same number of bytes.
        let mut turn = 0;
        while written < all.len() {
            turn += 1;
            let end = all.len().min(written + turn % 40_000 + 20_000);
            if turn % 3 == 0 {
                transport.write_all(&all[written..end]).unwrap();
                written = end;
            } else if let Ok(count) = transport.write_now(&all[written..end]) {
                written += count;
            }
        }
        assert!(taken.join().unwrap() == all);
    });
    assert_eq!(transport.waiting(), 0);
}

#[test]
fn what_tls_adds_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path());
    let (transport, mut client) = door.connect(connection()).unwrap();
    // The handshake.
    assert!(transport.take_overhead() > 100);
    assert_eq!(transport.take_overhead(), 0);
    let mut records = Vec::new();
    for _ in 0..100 {
        client.stream.conn.writer().write_all(b"x").unwrap();
        client.stream.conn.write_tls(&mut records).unwrap();
    }
    // In the middle of a record.
    let half = records.len() / 2 + 1;
    let (mut received, mut overhead) = (0, 0);
    for (part, whole) in [(&records[..half], 50), (&records[half..], 100)] {
        client.stream.sock.write_all(part).unwrap();
        while received < whole {
            received += receive(&transport).unwrap().len();
        }
        overhead += transport.take_overhead();
    }
    assert_eq!(overhead, records.len() - 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn first_byte_alone_tells_what_is_tls(first in any::<u8>(), rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        let door = Door::open(folder.path());
        let mut bytes = vec![first];
        bytes.extend_from_slice(&rest);
        for first in [first, 0x16] {
            bytes[0] = first;
            let mut client = TcpStream::connect(door.listener.local_addr().unwrap()).unwrap();
            let transport = door.accept();
            client.write_all(&bytes).unwrap();
            drop(client);
            let received = receive(&transport);
            prop_assert_eq!(transport.peer().is_encrypted, first == 0x16);
            match first {
                0x16 => prop_assert!(received.is_err()),
                _ => prop_assert_eq!(received.unwrap(), bytes.clone()),
            }
        }
    }

    #[test]
    fn lines_inside_tls_arrive_whole_however_they_are_cut(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..3000), 1..12),
        cuts in prop::collection::vec(1_usize..5000, 1..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let door = Door::open(folder.path());
        let (transport, mut client) = door.connect(connection()).unwrap();
        let mut records = Vec::new();
        for part in &parts {
            client.stream.conn.writer().write_all(part).unwrap();
            while client.stream.conn.wants_write() {
                client.stream.conn.write_tls(&mut records).unwrap();
            }
        }
        let expected = parts.concat();
        let received = thread::scope(|scope| {
            scope.spawn(|| {
                let mut rest = &records[..];
                for &cut in cuts.iter().cycle() {
                    let (now, later) = rest.split_at(cut.min(rest.len()));
                    client.stream.sock.write_all(now).unwrap();
                    rest = later;
                    if rest.is_empty() {
                        return;
                    }
                }
            });
            let mut received = Vec::new();
            while received.len() < expected.len() {
                received.append(&mut receive(&transport).unwrap());
            }
            received
        });
        prop_assert!(received == expected);
    }
}
