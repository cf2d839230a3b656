//! Bytes that are lost, or captured in another order than they were sent.

use super::*;

#[test]
fn a_gap_in_a_body_is_counted() {
    let steps = [
        c("GET / HTTP/1.1\r\n\r\n"),
        s("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"),
        Gap(Side::Server, 8),
        c(REQUEST),
        s(RESPONSE),
    ];
    assert_eq!(reported(&steps), ["upgraded"]);
}

#[test]
fn a_gap_beyond_a_body_is_survived_at_the_next_head() {
    let steps = [
        c("GET / HTTP/1.1\r\n\r\n"),
        s("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        Gap(Side::Server, 100),
        s("rest of a body"),
        Gap(Side::Client, 300),
        c("of a head: x\r\n\r\n"),
        c(REQUEST),
        s(RESPONSE),
    ];
    let (mut machine, outputs, _) = run(&steps[..4]);
    assert!(outputs.is_empty() && machine.is_lost(Side::Server) && !machine.is_lost(Side::Client));
    machine.end(Side::Server);
    assert_eq!(reported(&steps), ["upgraded"]);
}

#[test]
fn answers_lost_in_a_gap_are_not_waited_for() {
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let steps = [c("GET / HTTP/1.1\r\n\r\n"), Gap(Side::Server, 500), c(REQUEST), s(refusal)];
    assert_eq!(reported(&steps), ["refused"]);
}

#[test]
fn an_answer_whose_request_was_not_captured() {
    let answer = [RESPONSE.as_bytes(), PLAIN].concat();
    let (_, outputs, used) = run(&[S(&answer)]);
    assert_eq!((names(&outputs), used), (vec!["upgraded".to_owned()], vec![RESPONSE.len()]));
    let found = handshake(&outputs);
    assert_eq!((found.request.as_ref(), found.url.as_deref()), (None, None));
    assert!(found.deflate.is_some());
    assert_eq!(found.subprotocol.as_deref(), Some("chat"));

    let lost = [c("GET / HTTP/1.1\r\n\r\n"), s(OK), Gap(Side::Client, 400), s(RESPONSE)];
    assert_eq!(reported(&lost), ["upgraded"]);
    let inside = [c(&REQUEST[..50]), Gap(Side::Client, 100), s(RESPONSE)];
    assert_eq!(reported(&inside), ["upgraded"]);
}

#[test]
fn an_answer_lost_in_a_gap() {
    let steps = [c(REQUEST), Gap(Side::Server, 200), S(PLAIN)];
    let (mut machine, outputs, _) = run(&steps);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert_eq!(handshake(&outputs).response, None);
    assert_eq!(machine.take_early(Side::Server), [BufferedBytes::Bytes(PLAIN.to_vec(), At::default())]);

    let (mut machine, outputs, _) = run(&[c(REQUEST), Gap(Side::Server, 200), C(MASKED)]);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert_eq!(machine.take_early(Side::Client), [BufferedBytes::Bytes(MASKED.to_vec(), At::default())]);
}

#[test]
fn an_answer_whose_beginning_was_lost() {
    let rest = [&RESPONSE.as_bytes()[60..], PLAIN].concat();
    let (mut machine, outputs, _) = run(&[c(REQUEST), Gap(Side::Server, 60), S(&rest)]);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert_eq!(machine.take_early(Side::Server), [BufferedBytes::Bytes(PLAIN.to_vec(), At::default())]);
}

#[test]
fn what_follows_a_lost_answer_is_known_however_it_is_cut() {
    let rest = [&RESPONSE.as_bytes()[60..], PLAIN].concat();
    let another = [RESPONSE.replace("101 Switching Protocols", "403 Forbidden").as_bytes(), b"no"].concat();
    for (behind, outputs, early) in
        [(PLAIN, "upgraded", Some(PLAIN)), (&rest, "upgraded", Some(PLAIN)), (&another, "refused", None)]
    {
        for size in 1..behind.len() {
            let mut steps = vec![c(REQUEST), Gap(Side::Server, 60)];
            steps.extend(behind.chunks(size).map(S));
            let (mut machine, found, used) = run(&steps);
            assert_eq!(names(&found), [outputs], "{size}");
            let Some(early) = early else { continue };
            let mut frames = Vec::new();
            for piece in machine.take_early(Side::Server) {
                let BufferedBytes::Bytes(bytes, _) = piece else { panic!("{piece:?}") };
                frames.extend(bytes);
            }
            // What was not consumed comes next.
            let left: usize = behind.len() - used[1..].iter().sum::<usize>();
            frames.extend(&behind[behind.len() - left..]);
            assert_eq!(frames, early, "{size}");
        }
        let mut steps = vec![c(REQUEST), Gap(Side::Server, 200)];
        steps.extend(MASKED.chunks(1).map(C));
        assert_eq!(reported(&steps), ["upgraded"]);
        let mut steps = vec![c(REQUEST), Gap(Side::Server, 200)];
        steps.extend(REQUEST.as_bytes().chunks(1).map(C));
        assert_eq!(reported(&steps), ["unanswered"]);
    }
}

#[test]
fn an_earlier_answer_is_passed_over_when_the_upgrade_is_asked_for() {
    let steps = [
        c("GET / HTTP/1.1\r\n\r\n"),
        Gap(Side::Server, 60),
        s("the rest of a page"),
        c(REQUEST),
        s("and more of it"),
        s(RESPONSE),
    ];
    let (_, outputs, _) = run(&steps);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert!(handshake(&outputs).request.is_some() && handshake(&outputs).response.is_some());
}

#[test]
fn what_is_neither_answer_nor_frame_is_left_to_others() {
    let noise = vec![0xd7; 20_000];
    let (mut machine, outputs, _) = run(&[c(REQUEST), Gap(Side::Server, 200), S(&noise)]);
    assert_eq!(names(&outputs), ["not-http"]);
    let [BufferedBytes::Bytes(early, _)] = &machine.take_early(Side::Server)[..] else { panic!() };
    assert!(early.len() > 16_000 && machine.allocated() < 20_000);
}

#[test]
fn one_direction_alone() {
    let (mut machine, outputs, _) = run(&[c(REQUEST), C(MASKED), End(Side::Client), End(Side::Server)]);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert_eq!(machine.take_early(Side::Client), [BufferedBytes::Bytes(MASKED.to_vec(), At::default())]);

    let frames = MASKED.repeat(4000);
    let (mut machine, outputs, used) = run(&[c(REQUEST), C(&frames)]);
    assert_eq!(names(&outputs), ["upgraded"]);
    let [BufferedBytes::Bytes(early, _)] = &machine.take_early(Side::Client)[..] else { panic!() };
    assert_eq!((early.len(), used[1]), (used[1], used[1]));
    assert!(used[1] < frames.len() && used[1] > 16_000);
}

#[test]
fn too_much_before_the_answer() {
    let junk = vec![b'x'; 100_000];
    let found = reported(&[c(REQUEST), C(&junk)]);
    assert_eq!(found, ["client limit-reached", "unanswered", "not-http"]);
}

#[test]
fn an_answer_before_its_request_is_whole() {
    let (a, b) = REQUEST.split_at(100);
    let answer = [RESPONSE.as_bytes(), PLAIN].concat();
    let frames = [b.as_bytes(), MASKED].concat();
    let (mut machine, outputs, used) = run(&[c(a), S(&answer), C(&frames)]);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert!(handshake(&outputs).request.is_some());
    assert_eq!(used, [a.len(), answer.len(), b.len()]);
    assert_eq!(machine.take_early(Side::Server), [BufferedBytes::Bytes(PLAIN.to_vec(), At::default())]);
    assert_eq!(reported(&[c(a), s(RESPONSE), End(Side::Server), c(b)]), ["upgraded"]);
    assert_eq!(reported(&[c(a), s(RESPONSE), End(Side::Client)]), ["upgraded"]);
}

#[test]
fn a_side_that_stays_lost_is_given_up() {
    let mut steps = vec![c("GET / HTTP/1.1\r\n\r\n"), Gap(Side::Server, 10)];
    steps.extend(vec![s("nothing known"); 40]);
    assert_eq!(reported(&steps), ["not-http"]);
}

#[test]
fn an_answer_captured_before_its_request_waits_for_it() {
    let mut exchanges = HttpTracker::new(Limits::default()).from_start();
    let (request, answer) = (REQUEST.as_bytes(), RESPONSE.as_bytes());
    assert_eq!(exchanges.push(Side::Server, answer), answer.len());
    assert_eq!(exchanges.next(), None);
    exchanges.push(Side::Client, request);
    let Some(Output::Upgraded(handshake)) = exchanges.next() else { panic!("no upgrade") };
    assert!(handshake.request.is_some() && handshake.response.is_some());
    // If the request is lost, only the response identifies the upgrade.
    let mut exchanges = HttpTracker::new(Limits::default()).from_start();
    exchanges.push(Side::Server, answer);
    exchanges.gap(Side::Client, Lost::Exact(100));
    let Some(Output::Upgraded(handshake)) = exchanges.next() else { panic!("no upgrade") };
    assert!(handshake.request.is_none());
}

#[test]
fn a_server_that_speaks_first_is_not_waited_for() {
    let mut exchanges = HttpTracker::new(Limits::default()).from_start();
    assert_eq!(exchanges.push(Side::Server, b"220 mail.example ESMTP\r\n"), 0);
    assert_eq!(exchanges.next(), Some(Output::NotHttp));
}
