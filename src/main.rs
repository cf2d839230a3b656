//! The `wirefin` program: parses arguments, runs, and turns an error into an exit code.
use wirefin::*;
fn main() {
    let mut frames = false;
    let mut path = None;
    for a in std::env::args().skip(1) {
        if a == "--frames" {
            frames = true
        } else if a.contains('.') || a == "-" {
            path = Some(a)
        }
    }
    let mut s = capture::Files::open(&[path.unwrap().into()]).unwrap();
    let f = export::AnyFormat::new("ndjson", &export::Settings { frames }).unwrap();
    let mut o = pipeline::Formatted::new(f, std::io::stdout().lock(), None);
    let r = pipeline::run(&mut s, &Default::default(), &mut o).unwrap();
    o.finish().unwrap();
    eprintln!("{r:?}");
}
