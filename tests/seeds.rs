//! Every seed of the fuzz targets, replayed.

use std::fs;
use std::path::Path;

// The targets are in a separate package; what they do with their input is in one file.
#[path = "../fuzz/bodies.rs"]
mod bodies;

#[test]
fn every_seed_is_replayed() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (name, body) in bodies::ALL {
        let mut files: Vec<_> =
            fs::read_dir(seeds.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 4, "{name} has {} seeds", files.len());
        for file in files {
            let seed = fs::read(&file).unwrap();
            if let Err(panic) = std::panic::catch_unwind(|| body(&seed)) {
                eprintln!("{}", file.display());
                std::panic::resume_unwind(panic);
            }
        }
    }
}

#[test]
fn every_target_has_a_body_and_every_folder_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> =
            entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let mut bodies: Vec<_> = bodies::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    bodies.sort();
    assert_eq!((names("fuzz_targets"), names("seeds")), (bodies.clone(), bodies));
}
