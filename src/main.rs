//! The `wirefin` program: parses arguments, runs, and turns an error into an exit code.
use wirefin::*;
fn main() {
    if let Some(rest) = std::env::args().skip(1).collect::<Vec<_>>().strip_prefix(&["view".to_owned()]) {
        let mut bounds = store::Bounds::default();
        let mut paths = Vec::new();
        for arg in rest {
            if let Some(mb) = arg.strip_prefix("--memory=") {
                bounds.memory = mb.parse::<u64>().unwrap() << 20;
            } else if let Some(mb) = arg.strip_prefix("--spool=") {
                bounds.spool = mb.parse::<u64>().unwrap() << 20;
            } else {
                paths.push(arg.into())
            }
        }
        let options =
            tui::Options::file().map(|f| tui::Options::default().with_file(&f).unwrap()).unwrap_or_default();
        if let Err(e) = cli::screen::view(&paths, bounds, &Default::default(), &options) {
            eprintln!("{e:#}");
            std::process::exit(2)
        }
        return;
    }
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
