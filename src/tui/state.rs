use std::time::{Duration, Instant};

use ratatui::layout::{Position, Rect};

use super::clock::TimeForm;
use super::conversations::Conversations;
use super::detail::Detail;
use super::effect::{Border, Effect, Panel};
use super::feed::Feed;
use super::layout::{Areas, Room};
use super::overview::Overview;
use super::page::Page;
use super::prompt::Prompt;
use super::remembered::Remembered;
use super::search::{RowSource, Search};
use super::theme::Theme;
use super::timeline::Timeline;
use crate::event::DirectionTotals;
use crate::model::Pair;
use crate::store::{Phase, Shared, Store};

/// The state of the screen, with the sources that it is drawn from.
pub struct App {
    pub(super) store: Shared,
    pub(super) feed: Box<dyn Feed>,
    pub(super) theme: Theme,
    pub(super) panel: Panel,
    pub(super) conversations: Conversations,
    pub(super) timeline: Timeline,
    pub(super) overview: Overview,
    pub(super) detail: Detail,
    pub(super) prompt: Option<Prompt>,
    /// The page shown over the panels.
    pub(super) page: Option<Page>,
    /// The first visible line of the help.
    pub(super) help: Option<usize>,
    pub(super) search: Search,
    /// The view to return to from a single conversation.
    pub(super) isolated: Option<Isolated>,
    /// Whether the next key selects the form of a copy.
    pub(super) copies: bool,
    pub(super) typed: Typed,
    /// The state of the previous run, with the choices made in this one.
    pub(super) remembered: Remembered,
    pub(super) known: Observed,
    pub(super) said: Option<(String, Instant)>,
    pub(super) layout: Areas,
    pub(super) sizes: Sizes,
}

/// The lines typed so far, and the named filters.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The current filter.
    pub(super) filter: String,
    pub(super) filters: Vec<String>,
    pub(super) searches: Vec<String>,
    /// The named filters of the configuration.
    pub(super) named: Vec<(String, String)>,
}

/// The panel sizes set with the mouse, and the state of the mouse.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    pub(super) list: Option<u16>,
    pub(super) detail: Option<u16>,
    pub(super) border: Option<Border>,
    /// The position and time of the last click.
    pub(super) clicked: Option<(Position, Instant)>,
}

/// The state of the store as last observed.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) paused: bool,
    pub(super) extent: Extent,
    pub(super) phase: Phase,
    pub(super) rate: Rate,
    /// The version of the store last drawn.
    version: Option<u64>,
}

/// The view before a single conversation was shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Isolated {
    pub(super) line: usize,
    pub(super) scope: Option<u32>,
    pub(super) entry: Option<u32>,
    pub(super) top: usize,
}

/// The extent of the store as last observed; a paused screen shows no more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    version: u64,
    pub(super) entries: usize,
    pub(super) conversations: usize,
    pub(super) totals: Pair<DirectionTotals>,
    /// The numbers of notes, warnings and errors.
    pub(super) anomalies: [u64; 3],
    /// The number of connections without messages that may contain a WebSocket.
    pub(super) unshown: u64,
}

/// The rate of messages per second of wall-clock time.
#[derive(Debug, Default)]
pub(super) struct Rate {
    since: Option<(Instant, usize)>,
    pub(super) per_second: u64,
}

impl Rate {
    fn look(&mut self, count: usize) {
        let Some((since, before)) = self.since else {
            self.since = Some((Instant::now(), count));
            return;
        };
        let elapsed = since.elapsed();
        if elapsed >= Duration::from_secs(1) {
            self.per_second = (count.saturating_sub(before) as f64 / elapsed.as_secs_f64()) as u64;
            self.since = Some((Instant::now(), count));
        }
    }
}

impl App {
    /// Creates a screen for a store that is being filled.
    pub(super) fn new(store: Shared, feed: Box<dyn Feed>, theme: Theme, time: TimeForm) -> App {
        let is_live = feed.is_live();
        App {
            store,
            feed,
            theme,
            panel: Panel::default(),
            conversations: Conversations::default(),
            timeline: Timeline::new(is_live, time),
            overview: Overview::default(),
            detail: Detail::default(),
            prompt: None,
            page: None,
            help: None,
            search: Search::default(),
            isolated: None,
            copies: false,
            typed: Typed::default(),
            remembered: Remembered::default(),
            known: Observed::default(),
            said: None,
            layout: Areas::default(),
            sizes: Sizes::default(),
        }
    }

    /// Returns whether the store contains changes that are not drawn yet.
    pub(super) fn is_stale(&self) -> bool {
        self.known.version != Some(self.store.version())
    }

    /// Returns whether there is pending work.
    pub(super) fn is_busy(&self) -> bool {
        let rows = &self.timeline.rows;
        rows.is_behind() || self.search.is_busy(rows) || self.page.as_ref().is_some_and(Page::is_busy)
    }

    /// Shows a message for a while.
    pub(super) fn say(&mut self, words: impl Into<String>) {
        self.said = Some((words.into(), Instant::now()));
    }

    /// Returns the source of further rows.
    pub(super) fn row_source(&self) -> RowSource {
        match (&self.known.phase, self.feed.is_live()) {
            (Phase::Filling, true) => RowSource::Live,
            (Phase::Filling, false) => RowSource::File,
            _ => RowSource::Nothing,
        }
    }

    /// Updates the components from the store before drawing.
    pub(super) fn refresh(&mut self, store: &mut Store, area: Rect) {
        let version = self.store.version();
        self.known.version = Some(version);
        if !self.known.paused {
            self.known.extent = Extent {
                version,
                entries: store.len(),
                conversations: store.conversations().len(),
                totals: store.totals(),
                anomalies: store.anomalies(),
                unshown: store.unshown().iter().filter(|(_, it)| it.may_be_websocket()).count() as u64,
            };
            self.timeline.until = store.times().map(|(_, last)| last);
            self.known.phase = self.store.phase();
            self.known.rate.look(store.len());
            self.timeline.rows.refresh(store);
            if let Effect::Say(words) = self.search.end_wait(&self.timeline.rows, self.row_source()) {
                self.say(words);
            }
        }
        let room = Room {
            has_map: self.timeline.rows.chosen.range.is_some(),
            panel: self.panel,
            size: self.detail.size,
            left: self.sizes.list,
            detail: self.sizes.detail,
        };
        self.layout.refresh(area, room);
        self.overview.lay_out(self.layout.map, self.layout.overview);
        self.help = self.help.map(|top| top.min(super::draw::help::last_top(area)));
        // A change made while the store is locked increments its version afterwards, so the list is then sorted again.
        let height = usize::from(self.layout.conversations.height);
        let all = store.conversations().get(..self.known.extent.conversations).unwrap_or_default();
        self.conversations.refresh(all, self.known.extent.version, height);
        self.timeline.is_live = self.feed.is_live();
        self.timeline.refresh(store, usize::from(self.layout.timeline.height));
        let shown = self.timeline.rows.get(store, self.timeline.selected);
        self.detail.show(store, shown, self.search.pattern.as_ref());
        self.detail.lay_out(self.layout.detail);
        if self.said.as_ref().is_some_and(|(_, when)| when.elapsed() > Duration::from_secs(6)) {
            self.said = None;
        }
    }

    /// Performs pending work until `until`; returns whether there was any.
    pub(super) fn work(&mut self, until: Instant) -> bool {
        if !self.is_busy() {
            return false;
        }
        let row_source = self.row_source();
        let mut store = self.store.lock();
        let rows = &mut self.timeline.rows;
        let effect = if let Some(page) = self.page.as_mut().filter(|page| page.is_busy()) {
            page.work(&mut store, until);
            Effect::None
        } else if rows.is_behind() {
            rows.work(&mut store, until);
            Effect::None
        } else {
            self.search.work(rows, &mut store, until, row_source)
        };
        drop(store);
        let _ = self.perform(effect);
        true
    }

    /// Returns the panel at a position of the screen.
    pub(super) fn panel_at(&self, at: Position) -> Option<Panel> {
        [
            (Panel::Conversations, self.layout.conversations),
            (Panel::Timeline, self.layout.timeline),
            (Panel::Detail, self.layout.detail),
        ]
        .into_iter()
        .find(|(_, area)| area.contains(at))
        .map(|(panel, _)| panel)
    }
}
