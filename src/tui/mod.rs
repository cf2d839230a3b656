//! The terminal user interface: a timeline of messages, drawn from a [`crate::store`].
//!
//! ```text
//!   keys, mouse ──► input ──► App (state) ──► draw ──► terminal
//!                     │  Effect    ▲ refresh
//!                     ▼            │
//!                   Feed         Store ◄── filled by the pipeline
//! ```
//!
//! The screen knows no protocol and reads no packets; a [`Feed`], provided by the owner of the source, does that. Key
//! bindings are defined in one table ([`keys::TABLE`]). Conversations, timeline, overview, detail, pages and the prompt
//! are components: each changes its own state and returns effects, which are performed in one place. The visible
//! contents are laid out, then drawn; drawing changes no state, and locks the store only to read the visible window.
//! Everything from the wire goes through [`crate::text::printable`] and a writer that stays within its columns.
//!
//! ```
//! use wirefin::tui::keys::{self, Action};
//!
//! assert_eq!(keys::named("j"), Some(Action::Down));
//! assert_eq!(keys::key_for(Action::Down), "j");
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "columns and lines of a screen: they are few, a float is exact enough for shares of them, and `as` saturates"
)]

mod clock;
mod columns;
mod completion;
mod config;
mod conversations;
mod copy;
mod detail;
mod diff;
mod document;
mod draw;
mod effect;
mod effects;
mod feed;
mod go_to;
mod input;
mod json;
pub mod keys;
mod layout;
mod matcher;
mod mouse;
mod overview;
mod page;
mod paint;
mod partner;
mod patched;
mod pattern;
mod prompt;
mod recall;
mod remembered;
mod rows;
mod search;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod timeline;
mod typing;
mod words;

pub use config::{ConfigError, Options};
pub use feed::{Choice, Feed};
pub use state::App;
pub use theme::RowColour;

use std::io;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::Backend;

use self::clock::TimeForm;
use self::columns::ChosenColumns;
use self::effect::Effect;
use self::matcher::{Matcher, ParseError};
use self::remembered::Remembered;
use self::terminal::{LateAnswer, Screen, Signals};
use self::theme::Theme;
use crate::store::Shared;

/// The maximum time to wait for a key before checking for new data to draw.
const WAIT: Duration = Duration::from_millis(50);
/// The time spent on pending work before checking for keys again.
const SLICE: Duration = Duration::from_millis(8);

/// The reason why the screen could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The terminal is not usable.
    #[error("cannot use the terminal, `wirefin print` needs none")]
    Terminal(#[source] io::Error),
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The theme does not exist.
    #[error("there is no theme {0:?}: dark, light, colour-blind, none")]
    Theme(String),
    /// The filter is invalid.
    #[error("the filter {0:?}: {1}")]
    Filter(String, String),
    /// The time format does not exist.
    #[error("the time format must be absolute, local, relative or delta, not {0:?}")]
    Time(String),
}

impl App {
    /// Creates a screen for a store that is being filled.
    pub fn open(store: Shared, feed: Box<dyn Feed>, options: &Options) -> Result<App, Error> {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let theme = match options.theme.as_deref() {
            Some(name) => name,
            None if no_colour => "none",
            None => "dark",
        };
        let theme = Theme::named(theme).ok_or_else(|| Error::Theme(theme.to_owned()))?;
        let time = match options.time.as_deref() {
            Some(name) => TimeForm::named(name).ok_or_else(|| Error::Time(name.to_owned()))?,
            None => TimeForm::default(),
        };
        let mut app = App::new(store, feed, theme, time);
        let wrong = |text: &str| {
            let text = text.to_owned();
            move |mistake: ParseError| Error::Filter(text, mistake.expected)
        };
        for (text, colour) in &options.colours {
            app.timeline.colours.push((Matcher::parse(text).map_err(wrong(text))?, *colour));
        }
        app.typed.named.clone_from(&options.filters);
        if let Some(text) = &options.columns {
            app.timeline.columns = ChosenColumns::parse(text).map_err(wrong(text))?;
        }
        if let Some(text) = &options.filter {
            let matcher = Matcher::parse(text).map_err(wrong(text))?;
            app.typed.filters.push(text.clone());
            app.typed.filter.clone_from(text);
            app.timeline.show_filter(&app.store.lock(), Some(matcher));
        }
        Ok(app)
    }

    /// Draws the screen in its current state.
    pub fn draw<B: Backend>(&mut self, terminal: &mut Terminal<B>) -> Result<(), B::Error> {
        let shared = self.store.clone();
        terminal.draw(|frame| {
            let mut store = shared.lock();
            self.refresh(&mut store, frame.area());
            draw::draw(self, &mut store, frame.buffer_mut());
        })?;
        Ok(())
    }

    /// Performs the action of a key; for benchmarks, which have no terminal.
    pub fn press(&mut self, action: keys::Action) {
        let effect = self.act(action);
        let _ = self.perform(effect);
    }

    /// Types into the open prompt; for benchmarks.
    pub fn enter_text(&mut self, text: &str) {
        let _ = self.handle(&crossterm::event::Event::Paste(text.to_owned()));
    }

    /// Performs all pending work.
    pub fn settle(&mut self) {
        while self.work(Instant::now().checked_add(SLICE).unwrap_or_else(Instant::now)) {}
    }
}

/// Creates the folder for state kept between runs; to be called before entering a sandbox.
pub fn make_state_folder() {
    Remembered::make_folder();
}

/// Shows `store` on the terminal until the user quits; `feed` is its source.
///
/// # Errors
///
/// If the terminal is not usable or the options are invalid.
pub fn run(store: &Shared, feed: Box<dyn Feed>, options: &Options) -> Result<(), Error> {
    let mut app = App::open(store.clone(), feed, options)?;
    let file = if options.keeps_state { Remembered::file() } else { None };
    if let Some(file) = &file {
        app.recall(file, options);
    }
    let signals = Signals::listen().map_err(Error::Terminal)?;
    let mut screen = Screen::open(options.mouse.unwrap_or(true)).map_err(Error::Terminal)?;
    let is_open = options.theme.is_none() && app.remembered.theme.is_none();
    if is_open && app.theme.name == "dark" && terminal::is_light() == Some(true) {
        app.theme = Theme::light();
    }
    let result = show(&mut app, &mut screen, &signals);
    drop(screen);
    store.stop();
    if let Some(file) = &file {
        // The state is a convenience only: if it cannot be saved, the next run starts without it.
        let _ = app.remember(file);
    }
    result.map_err(Error::Terminal)
}

fn show(app: &mut App, screen: &mut Screen, signals: &Signals) -> io::Result<()> {
    let mut stale = true;
    let mut drawn = Instant::now();
    let mut late = LateAnswer::default();
    loop {
        if let Some(news) = app.feed.news() {
            app.say(news);
            stale = true;
        }
        // New data alone causes a redraw at most once per `WAIT`, so that drawing does not slow down loading.
        if stale || (app.is_stale() || app.said.is_some()) && drawn.elapsed() >= WAIT {
            app.draw(&mut screen.terminal)?;
            drawn = Instant::now();
            stale = false;
        }
        let wait = if app.is_busy() { Duration::ZERO } else { WAIT };
        let mut ready = crossterm::event::poll(wait)?;
        if signals.ended() {
            return Ok(());
        }
        if signals.stopped() {
            screen.suspend()?;
            stale = true;
        }
        while ready {
            let event = crossterm::event::read()?;
            stale = true;
            let effect = if late.has(&event) { Effect::None } else { app.handle(&event) };
            match effect {
                Effect::Quit => return Ok(()),
                Effect::Redraw => screen.repaint()?,
                Effect::Suspend => screen.suspend()?,
                Effect::Copy(bytes, _) => terminal::copy(&bytes)?,
                // Already performed by the screen.
                _ => {}
            }
            ready = crossterm::event::poll(Duration::ZERO)?;
        }
        if app.work(Instant::now().checked_add(SLICE).unwrap_or_else(Instant::now)) {
            stale = true;
        }
    }
}
