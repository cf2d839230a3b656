//! Tests of prompts: completions, error messages and keys.

use super::*;

fn candidates(desk: &Desk) -> Vec<String> {
    let prompt = desk.app.prompt.as_ref().unwrap();
    prompt.candidates.iter().map(|candidate| candidate.text.clone()).collect()
}

#[test]
fn members_of_json_are_completed_from_the_messages() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("ffrom == server and json.");
    assert_eq!(candidates(&desk), ["id", "e", "op", "p", "q", "s", "tags", "名"]);
    desk.key(KeyCode::Tab);
    assert_eq!(desk.app.prompt.as_ref().unwrap().text(), "from == server and json.id");
    desk.keys("\x1bfjson.tags[1].d");
    assert_eq!(candidates(&desk), ["deep"]);
    desk.shows("deep  an array");
}

#[test]
fn values_that_were_seen_are_completed_and_stand_first() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("fclose.code == ");
    assert_eq!(candidates(&desk), ["1000"]);
    desk.shows("1000  normal closure");
    desk.keys("\x1bfanomaly == ");
    let all = candidates(&desk);
    assert_eq!(all[..2], ["unmasked-client-frame", "gap"]);
    // Eight of them fit.
    let words = format!("↓ {} more", all.len() - 8);
    assert!(desk.text().contains(&words), "{words}\n{}", desk.text());
    assert!(desk.text().contains(&format!(" {}", all[7])), "the last one is covered\n{}", desk.text());
}

#[test]
fn what_is_wrong_is_said_whole() {
    for (typed, words) in [
        ("opcode == x", "expected an opcode: continuation, text, binary, close, ping, pong or its number"),
        ("len > 1 and len > 2 and len > 3 and opcode == x", "expected an opcode:"),
    ] {
        let mut desk = Desk::with(&story(), 80, 24);
        desk.keys("f").keys(typed);
        let text = desk.text();
        let mistake = desk.app.prompt.as_ref().unwrap().mistake.clone().unwrap().1;
        let above: String =
            text.lines().rev().skip(1).take(3).collect::<Vec<_>>().into_iter().rev().collect();
        let squeezed = |text: &str| text.split_whitespace().collect::<String>().replace('▼', "");
        assert!(squeezed(&above).contains(&squeezed(&mistake)), "{mistake}: {words}\n{text}");
    }
}

#[test]
fn the_keys_of_a_shell_work_in_a_prompt() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("flen");
    for (key, effect) in [('z', Effect::Suspend), ('l', Effect::Redraw)] {
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
        assert_eq!(desk.app.handle(&Input::Key(key)), effect);
    }
    assert_eq!(desk.app.prompt.as_ref().unwrap().text(), "len");
}

#[test]
fn rows_of_an_earlier_text_than_the_one_with_a_mistake_are_said_to_be_that() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("fopcode == ping and le");
    let rows = desk.app.timeline.rows.len();
    desk.shows("timeline 4 of the last text without a mistake");
    desk.keys("n > 1");
    desk.lacks("without a mistake");
    desk.keys(" x").key(KeyCode::Esc);
    assert!(rows < desk.app.timeline.rows.len());
    desk.lacks("without a mistake");
}
