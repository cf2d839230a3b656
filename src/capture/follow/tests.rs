use std::io::Write as _;

use super::super::fixture::Bytes;
use super::*;

/// A writer of captures into a folder while they are followed.
struct Scene {
    folder: tempfile::TempDir,
    stopped: Arc<AtomicBool>,
    follow: Option<Follow>,
    seen: Vec<i64>,
    problems: usize,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            folder: tempfile::tempdir().unwrap(),
            stopped: Arc::default(),
            follow: None,
            seen: Vec::new(),
            problems: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a complete new file through the inode that has the name, as `fopen(name, "w")` does.
    fn write(&self, name: &str, stamps: &[u32]) {
        fs::write(self.path(name), Bytes::stamps(stamps, b"data")).unwrap();
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        fs::OpenOptions::new().append(true).open(self.path(name)).unwrap().write_all(bytes).unwrap();
    }

    fn follow(&mut self, name: &str) {
        let until = StopCondition { stopped: Arc::clone(&self.stopped), ..StopCondition::default() };
        self.follow = Some(Follow::open(&self.path(name), until).unwrap());
    }

    /// Reads until as many packets as there are `stamps` were seen in total.
    fn expect(&mut self, stamps: &[i64]) {
        let mut batch = PacketBatch::default();
        let follow = self.follow.as_mut().unwrap();
        // A missing packet must not block the test forever.
        let stopped = Arc::clone(&self.stopped);
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let guard = std::thread::spawn(move || {
            if wait
                .recv_timeout(Duration::from_secs(20))
                .is_err_and(|it| it == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                stopped.store(true, Ordering::Relaxed);
            }
        });
        while self.seen.len() < stamps.len() {
            if follow.next(&mut batch).unwrap() == Next::End {
                break;
            }
            self.seen.extend(batch.records().map(|record| record.at.time.as_nanos() / 1_000_000_000));
            self.problems += batch.diagnostics().count();
        }
        drop(done);
        guard.join().unwrap();
        assert_eq!(self.seen, stamps);
    }
}

/// The bytes of records without a file header.
fn records(stamps: &[u32]) -> Vec<u8> {
    Bytes::stamps(stamps, b"data")[24..].to_vec()
}

#[test]
fn file_that_grows_in_any_pieces() {
    let mut scene = Scene::new();
    scene.write("a.pcap", &[1, 2]);
    scene.follow("a.pcap");
    scene.expect(&[1, 2]);
    let more = records(&[3, 4]);
    scene.append("a.pcap", &more[..7]);
    scene.append("a.pcap", &more[7..]);
    scene.expect(&[1, 2, 3, 4]);
    assert_eq!(
        scene.follow.as_mut().unwrap().next(&mut PacketBatch::default()).unwrap(),
        Next::Idle(Timestamp::new(4, 0))
    );
    scene.stopped.store(true, Ordering::Relaxed);
    assert_eq!(scene.follow.as_mut().unwrap().next(&mut PacketBatch::default()).unwrap(), Next::End);
    assert_eq!(scene.problems, 0);
}

#[test]
fn files_numbered_at_the_end() {
    let mut scene = Scene::new();
    scene.write("a.pcap", &[1, 2]);
    scene.write("other.pcap", &[3]);
    scene.follow("a.pcap");
    scene.expect(&[1, 2]);
    scene.append("a.pcap", &records(&[3]));
    scene.write("a.pcap1", &[4, 5]);
    scene.expect(&[1, 2, 3, 4, 5]);
    scene.write("a.pcap2", &[5, 6]);
    scene.expect(&[1, 2, 3, 4, 5, 5, 6]);
    assert_eq!(scene.problems, 0);
}

#[test]
fn ring_whose_files_are_written_over() {
    let mut scene = Scene::new();
    scene.write("r0", &[1, 2]);
    scene.follow("r");
    scene.expect(&[1, 2]);
    let mut all = vec![1, 2];
    for n in 1..9_u32 {
        let stamps = [n * 10, n * 10 + 1];
        scene.write(&format!("r{}", n % 3), &stamps);
        all.extend(stamps.map(i64::from));
        scene.expect(&all);
    }
    assert_eq!(scene.problems, 0);
}

#[test]
fn several_files_behind() {
    let mut scene = Scene::new();
    for (name, stamps) in [("x_00003_9.pcap", [5, 6]), ("x_00001_7.pcap", [1, 2]), ("x_00002_8.pcap", [3, 4])]
    {
        scene.write(name, &stamps);
    }
    scene.follow("x_00002_8.pcap");
    scene.expect(&[3, 4, 5, 6]);
}

#[test]
fn another_file_takes_the_name() {
    let mut scene = Scene::new();
    scene.write("a.pcap", &[1, 2]);
    scene.follow("a.pcap");
    scene.expect(&[1, 2]);
    fs::rename(scene.path("a.pcap"), scene.path("a.pcap.1")).unwrap();
    scene.append("a.pcap.1", &records(&[3]));
    scene.write("a.pcap", &[4]);
    scene.expect(&[1, 2, 3, 4]);
    assert_eq!(scene.problems, 0);
}

#[test]
fn file_written_over_before_all_was_read_is_said() {
    let mut scene = Scene::new();
    scene.write("a.pcap", &[1, 2, 3, 4]);
    scene.follow("a.pcap");
    scene.expect(&[1, 2, 3, 4]);
    scene.write("a.pcap", &[8]);
    scene.expect(&[1, 2, 3, 4, 8]);
    assert_eq!(scene.problems, 1);
}

#[test]
fn file_that_has_no_packet_yet() {
    let mut scene = Scene::new();
    scene.write("a.pcap1", &[1]);
    scene.write("a.pcap", &[]);
    scene.follow("a.pcap");
    scene.append("a.pcap", &records(&[7]));
    scene.expect(&[7]);
}

/// Returns the reports of batches without packets, up to the first batch with a report.
fn reported(scene: &mut Scene) -> Vec<String> {
    let mut batch = PacketBatch::default();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if scene.follow.as_mut().unwrap().next(&mut batch).unwrap() == Next::Filled {
            assert!(batch.packets().next().is_none());
            let reported = batch.diagnostics().map(|it| match it {
                Anomaly::NotFollowed { file, problem } => {
                    format!("{}: {problem}", file.rsplit('/').next().unwrap_or_default())
                }
                other => format!("{other:?}"),
            });
            return reported.collect();
        }
    }
    Vec::new()
}

#[test]
fn next_file_that_may_not_be_read_is_reported_once() {
    let mut scene = Scene::new();
    scene.write("r0.pcap", &[1, 2]);
    scene.follow("r0.pcap");
    scene.expect(&[1, 2]);
    let allow = |scene: &Scene, mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(scene.path("r1.pcap"), mode).unwrap();
    };
    scene.write("r1.pcap", &[3]);
    allow(&scene, 0);
    if File::open(scene.path("r1.pcap")).is_ok() {
        // Root may read everything.
        return;
    }
    let reported = reported(&mut scene);
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].starts_with("r1.pcap: it cannot be read: Permission denied"), "{reported:?}");
    // Reading continues, and nothing is reported again.
    scene.append("r0.pcap", &records(&[3]));
    scene.expect(&[1, 2, 3]);
    allow(&scene, 0o600);
    scene.expect(&[1, 2, 3, 3]);
    assert_eq!(scene.problems, 0);
}

#[test]
fn file_that_was_taken_away_is_reported_once() {
    let mut scene = Scene::new();
    scene.write("r0.pcap", &[1, 2]);
    scene.follow("r0.pcap");
    scene.expect(&[1, 2]);
    // In the middle of a record: the part already read stays.
    let more = records(&[3]);
    scene.append("r0.pcap", &more[..7]);
    let mut open = fs::OpenOptions::new().append(true).open(scene.path("r0.pcap")).unwrap();
    fs::remove_file(scene.path("r0.pcap")).unwrap();
    assert_eq!(reported(&mut scene), ["r0.pcap: it was deleted or renamed, and none has followed yet"]);
    open.write_all(&more[7..]).unwrap();
    scene.expect(&[1, 2, 3]);
    scene.write("r1.pcap", &[4]);
    scene.expect(&[1, 2, 3, 4]);
    assert_eq!(scene.problems, 0);
}

#[test]
fn families() {
    let of = |name: &str| family(Path::new(name));
    assert_eq!(of("/x/a.pcap"), of("a.pcap12"));
    assert_eq!(of("x_00001_2026.pcapng"), of("x_00002_2027.pcapng"));
    assert_ne!(of("a.pcap"), of("b.pcap"));
    assert_ne!(of("a.pcap"), of("a1.pcap"));
}
