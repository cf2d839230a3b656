use super::*;
use proptest::prelude::*;

fn texts<const N: usize>(json: &str, names: [&str; N]) -> [Option<String>; N] {
    pick(json.as_bytes(), true, names)
        .unwrap()
        .map(|value| value.map(|value| String::from_utf8(value.raw.to_vec()).unwrap()))
}

#[test]
fn members_are_found_in_any_order() {
    let json = r#" {"a":{"id":9,"x":"}\"]"},"id" : 7 ,"list":[1,{"q":2}],"t":true}"#;
    assert_eq!(
        texts(json, ["id", "t", "a", "none"]),
        [Some("7".into()), Some("true".into()), Some(r#"{"id":9,"x":"}\"]"}"#.into()), None]
    );
    assert!(pick(b"[1]", true, ["id"]).is_none());
    assert!(pick(b"", true, ["id"]).is_none());
}

#[test]
fn text_is_unescaped() {
    let value = read(br#""a\n\"\u00e9\ud83d\ude00\ud83d\\""#).unwrap();
    assert_eq!(value.text().unwrap(), "a\n\"é😀\u{fffd}\\");
    assert!(read(br#""not over"#).unwrap().text().is_none());
}

#[test]
fn a_long_object_is_read_from_both_ends() {
    let long = "x\\\"".repeat(20_000);
    let json = format!(r#"{{"id":5,"result":{{"deep":["{long}"]}},"n":[1,"]"],"sessionId":"E6\"9"}} "#);
    assert_eq!(
        texts(&json, ["sessionId", "id", "n", "deep"]),
        [Some("\"E6\\\"9\"".into()), Some("5".into()), Some("[1,\"]\"]".into()), None]
    );
    let head = pick(&json.as_bytes()[..5000], false, ["id", "sessionId"]).unwrap();
    assert!(head[0].is_some() && head[1].is_none(), "without its end nothing is read backwards");
}

#[test]
fn what_is_cut_off_is_not_whole() {
    let [id, method] = pick(br#"{"id":12,"method":"Page.ena"#, false, ["id", "method"]).unwrap();
    assert_eq!(id.unwrap().number(), Some(12));
    assert!(!method.unwrap().whole);
    assert!(!pick(br#"{"id":12"#, false, ["id"]).unwrap()[0].unwrap().whole, "it may continue");
}

#[test]
fn items_and_what_follows_them() {
    let value = read(br#"[ "upload" , {"a":[1]}, 2 ]"#).unwrap();
    let mut items = value.items();
    assert!(items.next().unwrap().is("upload"));
    assert_eq!(items.rest(), br#"{"a":[1]}, 2"#);
    assert_eq!(items.count(), 2);
}

proptest! {
    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), filler in 0_usize..6000) {
        let mut long = b"{\"a\":\"".to_vec();
        long.resize(long.len() + filler, b'x');
        long.extend_from_slice(&bytes);
        for bytes in [&bytes[..], &long] {
            let _ = pick(bytes, true, ["a", "b"]);
            if let Some(value) = read(bytes) {
                let _ = (value.text(), value.number(), value.members().count(), value.items().count());
            }
        }
    }

    #[test]
    fn agrees_with_serde(a in any::<i64>(), text in ".{0,40}", pad in 0_usize..6000, after in any::<u32>()) {
        let json = serde_json::json!({"a": a, "text": text, "pad": "\\\"".repeat(pad), "zz": after}).to_string();
        let [found, said, last] = pick(json.as_bytes(), true, ["a", "text", "zz"]).unwrap();
        prop_assert_eq!(found.unwrap().signed(), Some(a));
        let said = said.unwrap().text().unwrap().into_owned();
        prop_assert_eq!(said, text);
        prop_assert_eq!(last.unwrap().number(), Some(u64::from(after)));
    }
}

#[test]
fn the_names_of_all_members_or_none() {
    let listed = |json: &str, whole| {
        let mut room = [&[][..]; 3];
        let found = names(json.as_bytes(), whole, &mut room)?;
        Some(found.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect::<Vec<_>>())
    };
    assert_eq!(listed(r#" {"a":{"x":1},"b" : [2] } "#, true), Some(vec!["a".into(), "b".into()]));
    assert_eq!(listed("{}", true), Some(Vec::new()));
    assert_eq!(listed(r#"{"a":1}"#, false), None, "more may follow");
    assert_eq!(listed(r#"{"a":1,"b":2,"c":3,"d":4}"#, true), None, "more than there is room for");
    assert_eq!(listed(r#"{"a":1"#, true), None);
    assert_eq!(listed("[1]", true), None);
}

proptest! {
    #[test]
    fn the_end_of_a_string_is_found_however_far_it_is(
        mut bytes in prop::collection::vec(prop_oneof![Just(b'a'), Just(0x80), Just(b'!'), Just(b'#')], 0..80),
        at in 0_usize..90,
        mark in prop_oneof![Just(b'"'), Just(b'\\')],
    ) {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = mark;
        }
        let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        prop_assert_eq!(quote_or_backslash(&bytes), expected);
    }
}
