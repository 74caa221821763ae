use super::{packet::tests::packet, *};

fn lines(decoder: &mut Decoder) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = decoder.next_line() {
        lines.push(String::from_utf8_lossy(line.unwrap()).into_owned());
    }
    lines
}

fn check_line(chunks: &[&[u8]], expected: &[&str]) {
    let mut decoder = Decoder::new(64);
    let mut found = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        found.extend(lines(&mut decoder));
    }
    assert_eq!(found, expected);
    assert_eq!(decoder.framing(), Some(Framing::Line));
}

#[test]
fn lf_and_cr_lf_both_end_a_line() {
    check_line(&[b"alice\r\n@bob hi\n\n"], &["alice", "@bob hi", ""]);
}

#[test]
fn a_line_may_come_byte_by_byte() {
    check_line(&[b"a", b"l", b"\r", b"\n", b"x", b"\n"], &["al", "x"]);
}

#[test]
fn bytes_that_stay_without_lf_are_bare() {
    let mut decoder = Decoder::new(64);
    decoder.push(b"ali");
    assert_eq!(decoder.wait(), Some(QUIET));
    decoder.push(b"ce");
    assert!(lines(&mut decoder).is_empty());
    decoder.quiet();
    assert_eq!(lines(&mut decoder), ["alice"]);
    assert_eq!(
        (decoder.framing(), decoder.wait()),
        (Some(Framing::Bare), None)
    );
    decoder.push(b"@bob one");
    assert_eq!(lines(&mut decoder), ["@bob one"]);
    decoder.push(b"@bob two\n");
    assert_eq!(lines(&mut decoder), ["@bob two"]);
}

#[test]
fn a_bare_chunk_does_not_end_where_the_room_of_a_read_ended() {
    let mut decoder = Decoder::new(8192);
    decoder.push(b"bob");
    decoder.quiet();
    assert_eq!(lines(&mut decoder), ["bob"]);
    // Two segments of 1448 bytes, and the third one a little later.
    decoder.push_full(&[b'x'; 2048]);
    decoder.push(&[b'x'; 848]);
    assert!(lines(&mut decoder).is_empty());
    assert_eq!(decoder.wait(), Some(BARE_JOIN));
    decoder.push(&[b'x'; 1104]);
    decoder.quiet();
    assert_eq!(lines(&mut decoder), ["x".repeat(4000)]);
    // A chunk that filled the buffer by chance.
    decoder.push_full(&[b'y'; 2048]);
    decoder.quiet();
    assert_eq!(lines(&mut decoder), ["y".repeat(2048)]);
    decoder.push(b"z");
    assert_eq!(lines(&mut decoder), ["z"]);
}

#[test]
fn a_long_bare_chunk_that_tcp_cut_is_put_together() {
    let mut decoder = Decoder::new(4096);
    decoder.push(b"bob");
    decoder.quiet();
    assert_eq!(lines(&mut decoder), ["bob"]);
    decoder.push(&[b'x'; 1400]);
    assert!(lines(&mut decoder).is_empty());
    assert_eq!(decoder.wait(), Some(BARE_JOIN));
    decoder.push(&[b'x'; 100]);
    assert_eq!(lines(&mut decoder), ["x".repeat(1500)]);
    decoder.push(&[b'y'; 1400]);
    decoder.quiet();
    assert_eq!(lines(&mut decoder), ["y".repeat(1400)]);
}

#[test]
fn the_last_line_needs_no_lf_when_the_peer_closes() {
    let mut decoder = Decoder::new(64);
    decoder.push(b"alice\n@bob bye");
    assert_eq!(lines(&mut decoder), ["alice"]);
    decoder.finish();
    assert_eq!(lines(&mut decoder), ["@bob bye"]);
}

#[test]
fn a_line_over_the_limit_is_one_error_and_the_memory_stays_flat() {
    let mut decoder = Decoder::new(64);
    decoder.push(b"alice\n");
    assert_eq!(lines(&mut decoder), ["alice"]);
    decoder.push(&[&[b'x'; 64][..], b"\r\n"].concat());
    assert_eq!(lines(&mut decoder), ["x".repeat(64)]);
    decoder.push(&[b'x'; 66]);
    assert_eq!(decoder.next_line(), Some(Err(LineTooLong { limit: 64 })));
    assert_eq!(decoder.next_line(), Some(Err(LineTooLong { limit: 64 })));
    let mut decoder = Decoder::new(64);
    decoder.push(&[&[b'x'; 65][..], b"\n"].concat());
    assert_eq!(decoder.next_line(), Some(Err(LineTooLong { limit: 64 })));
}

/// What a server decodes from chunks that arrive one by one, with a quiet moment after each. Checks
/// the framing first.
fn check_client(chunks: &[&[u8]], framing: Framing, expected: &[&str]) {
    let mut decoder = Decoder::for_clients(1024);
    let mut found = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        found.extend(lines(&mut decoder));
        if decoder.wait().is_some() {
            decoder.quiet();
            found.extend(lines(&mut decoder));
        }
    }
    assert_eq!(found, expected, "{chunks:?}");
    assert_eq!(decoder.framing(), Some(framing), "{chunks:?}");
    assert_eq!(decoder.pending(), b"");
}

#[test]
fn what_c_programs_and_dotnet_put_around_a_line_is_no_part_of_it() {
    use Framing::{Bare, Line};
    let expected = ["ana", "@bob hi"];
    check_client(&[b"ana\0", b"@bob hi\0"], Bare, &expected);
    check_client(&[b"ana\n\0", b"@bob hi\n\0"], Line, &expected);
    check_client(&[b"ana\0\n", b"@bob hi\0\r\n"], Line, &expected);
    check_client(&[b"ana\n\0@bob hi\n\0"], Line, &expected);
    let padded = |text: &str, to: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(to, 0);
        bytes
    };
    for size in [10, 28, 32, 56, 64, 1024] {
        let [bare_login, bare] = ["ana", "@bob hi"].map(|text| padded(text, size));
        check_client(&[&bare_login, &bare], Bare, &expected);
        let [login, line] = ["ana\n", "@bob hi\n"].map(|text| padded(text, size));
        check_client(&[&login, &line], Line, &expected);
        check_client(&[&[&login[..], &line].concat()], Line, &expected);
    }
    let mark = "\u{feff}";
    check_client(&[mark.as_bytes(), b"ana\n@bob hi\n"], Line, &expected);
    check_client(
        &[mark.as_bytes(), b"ana", mark.as_bytes(), b"@bob hi"],
        Bare,
        &expected,
    );
    let marked = expected.map(|line| format!("{mark}{line}"));
    check_client(
        &[marked[0].as_bytes(), marked[1].as_bytes()],
        Bare,
        &expected,
    );
    check_client(
        &[format!("{}\n{}\r\n", marked[0], marked[1]).as_bytes()],
        Line,
        &expected,
    );
    // Inside a text these bytes belong to the text.
    check_client(&["a\0b\u{feff}c\n".as_bytes()], Line, &["a\0b\u{feff}c"]);
    check_client(&[b"ana", b"\0"], Bare, &["ana", ""]);
}

#[test]
fn one_packet_of_a_template_around_the_login_says_nothing() {
    use Framing::{Bare, Line};
    let expected = ["ana", "@bob hi"];
    for packet in [
        packet(1, 2, 3, "ana"),
        packet(10, 10, 20, "linha"),
        packet(0, 0, 0, "ana"),
    ] {
        let packet = &packet[..];
        let glued = |parts: &[&[u8]]| parts.concat();
        check_client(&[packet, b"ana", b"@bob hi"], Bare, &expected);
        check_client(&[b"ana", packet, b"@bob hi"], Bare, &expected);
        check_client(&[&glued(&[packet, b"ana"]), b"@bob hi"], Bare, &expected);
        check_client(&[&glued(&[b"ana", packet]), b"@bob hi"], Bare, &expected);
        check_client(
            &[&glued(&[b"ana\0\0\0\0\0", packet]), b"@bob hi"],
            Bare,
            &expected,
        );
        check_client(&[b"ana", &glued(&[packet, b"@bob hi"])], Bare, &expected);
        check_client(&[packet, b"ana\n", b"@bob hi\n"], Line, &expected);
        check_client(&[b"ana\n", packet, b"@bob hi\n"], Line, &expected);
        check_client(&[&glued(&[packet, b"ana\n@bob hi\n"])], Line, &expected);
        check_client(
            &[&glued(&[b"ana\n", packet, b"@bob hi\n"])],
            Line,
            &expected,
        );
        // Split anywhere, without a pause.
        for stream in [
            glued(&[packet, b"ana\n@bob hi\n"]),
            glued(&[b"ana\n", packet, b"@bob hi\n"]),
        ] {
            for cut in 1..stream.len() {
                let mut decoder = Decoder::for_clients(1024);
                let mut found = Vec::new();
                for part in [&stream[..cut], &stream[cut..]] {
                    decoder.push(part);
                    found.extend(lines(&mut decoder));
                }
                assert_eq!(found, expected, "cut at {cut}");
            }
        }
    }
}

#[test]
fn a_second_packet_and_what_only_resembles_one_is_not_skipped() {
    let one = packet(1, 2, 3, "ana");
    let mut decoder = Decoder::for_clients(1024);
    decoder.push(&one);
    decoder.push(b"ana\n");
    assert_eq!(lines(&mut decoder), ["ana"]);
    decoder.push(&[&one[..], b"\n"].concat());
    assert_eq!(lines(&mut decoder).len(), 1);
    let text = "@bob exactly 28 bytes long!!";
    assert_eq!(text.len(), packet::BYTES);
    check_client(&[b"ana", text.as_bytes()], Framing::Bare, &["ana", text]);
    let login = "maria.aparecida.dos.santos.2";
    check_client(
        &[login.as_bytes(), b"@bob hi"],
        Framing::Bare,
        &[login, "@bob hi"],
    );
    // Anywhere but directly after the login it is an ordinary line.
    let line = "A\0\0\0\0ana";
    let late = packet(65, 0, 0, "ana");
    check_client(
        &[b"ana", b"@bob hi", &late],
        Framing::Bare,
        &["ana", "@bob hi", line],
    );
}
