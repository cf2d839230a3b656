//! The `wirefin` program: parses arguments, runs, and turns an error into an exit code.
use wirefin::*;
use std::sync::Arc;
fn main() {
    let mut frames=false; let mut path=None; let mut ifs=vec![]; let mut filter=None; let mut fmt="ndjson".to_string();
    let mut it = std::env::args().skip(1);
    let mut dur=None; let mut list=false; let mut ring=64usize;
    while let Some(a) = it.next() { match a.as_str() { "--frames" => frames=true, "-i" => ifs.push(it.next().unwrap()), "-f" => filter=it.next(), "-F" => fmt=it.next().unwrap(), "-d" => dur=it.next().and_then(|d| d.parse().ok()).map(std::time::Duration::from_secs), "-l" => list=true, "-B" => ring=it.next().unwrap().parse().unwrap(), _ => path=Some(a)} }
    if list { println!("{:#?}", capture::interfaces()); return }
    let until = capture::Until{duration:dur, ..Default::default()};
    let fast = until.stopped.clone();
    signal_hook::flag::register_conditional_shutdown(2, 130, Arc::clone(&fast)).unwrap();
    signal_hook::flag::register(2, fast).unwrap();
    let mut counts=None;
    let mut s: Box<dyn capture::Source> = if ifs.is_empty() { Box::new(capture::Files::open(&[path.unwrap().into()]).unwrap()) } else {
        match capture::Live::open(&capture::Settings{interfaces:ifs, filter, ring: ring<<20, ..Default::default()}, until) { Ok(l) => {counts=Some(l.counts()); Box::new(l)}, Err(e) => { eprintln!("wirefin: {e}"); std::process::exit(2) } } };
    let f = export::AnyFormat::new(&fmt, &export::Settings{frames}).unwrap();
    let mut o = pipeline::Formatted::new(f, std::io::BufWriter::with_capacity(1<<18, std::io::stdout().lock()), None);
    let r = pipeline::run(&mut *s, &pipeline::Options{threads: std::env::var("THREADS").ok().and_then(|t| t.parse().ok()).unwrap_or(std::num::NonZeroUsize::MIN), ..Default::default()}, &mut o).unwrap();
    o.finish().unwrap();
    eprintln!("{r:?} {:?}", counts.map(|c| c.now()));
}
