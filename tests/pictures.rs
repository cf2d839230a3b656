//! The pictures in the documentation match what the screen draws.

use std::path::Path;

#[allow(dead_code)] // its `main` writes what is compared here
#[path = "../examples/pictures.rs"]
mod drawing;

#[test]
fn the_pictures_are_current() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, drawn) in drawing::pictures(home).unwrap() {
        let path = home.join(format!("docs/pictures/{name}.svg"));
        if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
            std::fs::write(&path, &drawn).unwrap();
        }
        let is_current = std::fs::read_to_string(&path).unwrap() == drawn;
        assert!(is_current, "{}: redraw it with `cargo run --example pictures`", path.display());
    }
}
