//! The seeds of the fuzz targets, run through the same functions as the targets.

use std::path::Path;

#[path = "../fuzz/targets.rs"]
mod targets;

#[test]
fn no_seed_panics() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut runs = 0;
    for (name, target) in targets::ALL {
        for entry in std::fs::read_dir(root.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")) {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            runs += 1;
        }
    }
    assert!(runs >= targets::ALL.len());
}
