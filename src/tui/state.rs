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
use super::search::{Coming, Search};
use super::theme::Theme;
use super::timeline::Timeline;
use crate::event::DirectionTotals;
use crate::model::Pair;
use crate::store::{Phase, Shared, Store};

/// Everything the screen shows, and what it is drawn from.
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
    /// The page over the panels.
    pub(super) page: Option<Page>,
    /// The first line of the help that is seen.
    pub(super) help: Option<usize>,
    pub(super) search: Search,
    /// Where the screen was before it showed one conversation alone.
    pub(super) isolated: Option<Isolated>,
    /// The next key says what is copied.
    pub(super) copies: bool,
    pub(super) typed: Typed,
    /// What the run before left, and what was chosen in this one.
    pub(super) remembered: Remembered,
    pub(super) known: Known,
    pub(super) said: Option<(String, Instant)>,
    pub(super) layout: Areas,
    pub(super) sizes: Sizes,
}

/// The lines that were typed, and those that are called by name.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The filter that holds.
    pub(super) filter: String,
    pub(super) filters: Vec<String>,
    pub(super) searches: Vec<String>,
    /// Filters by their names, from the configuration.
    pub(super) named: Vec<(String, String)>,
}

/// The sizes that the mouse gave to panels, and what it does to them.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    pub(super) list: Option<u16>,
    pub(super) detail: Option<u16>,
    pub(super) border: Option<Border>,
    /// Where it clicked last, and when.
    pub(super) clicked: Option<(Position, Instant)>,
}

/// The knowledge of the store, as far as it was looked at.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) paused: bool,
    pub(super) extent: Extent,
    pub(super) phase: Phase,
    pub(super) rate: Rate,
    /// The version of the store that was drawn last.
    version: Option<u64>,
}

/// The place at which the screen was before it showed one conversation alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Isolated {
    pub(super) line: usize,
    pub(super) scope: Option<u32>,
    pub(super) entry: Option<u32>,
    pub(super) top: usize,
}

/// The extent of the store when it was looked at last: a paused screen shows no more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    version: u64,
    pub(super) entries: usize,
    pub(super) conversations: usize,
    pub(super) totals: Pair<DirectionTotals>,
    /// Notes, warnings and errors.
    pub(super) anomalies: [u64; 3],
    /// Connections that may contain a WebSocket and show nothing.
    pub(super) unshown: u64,
}

/// The rate of messages in a second, by the clock of this machine.
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
    /// Makes the screen of a store that somebody fills.
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
            known: Known::default(),
            said: None,
            layout: Areas::default(),
            sizes: Sizes::default(),
        }
    }

    /// Returns whether something came that is not drawn yet.
    pub(super) fn is_stale(&self) -> bool {
        self.known.version != Some(self.store.version())
    }

    /// Returns whether there is work to be done between two keys.
    pub(super) fn is_busy(&self) -> bool {
        let rows = &self.timeline.rows;
        rows.is_behind() || self.search.is_busy(rows) || self.page.as_ref().is_some_and(Page::is_busy)
    }

    /// Shows a line of words for a while.
    pub(super) fn say(&mut self, words: impl Into<String>) {
        self.said = Some((words.into(), Instant::now()));
    }

    /// Returns what comes after the rows that there are.
    pub(super) fn coming(&self) -> Coming {
        match (&self.known.phase, self.feed.is_live()) {
            (Phase::Filling, true) => Coming::Live,
            (Phase::Filling, false) => Coming::File,
            _ => Coming::Nothing,
        }
    }

    /// Takes note of what has come, before it is drawn.
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
            if let Effect::Say(words) = self.search.end_wait(&self.timeline.rows, self.coming()) {
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
        // A store that changes while we hold it counts its version afterwards: then it is sorted once more.
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

    /// Does a little of what is waiting, until `until`; returns whether something changed.
    pub(super) fn work(&mut self, until: Instant) -> bool {
        if !self.is_busy() {
            return false;
        }
        let coming = self.coming();
        let mut store = self.store.lock();
        let rows = &mut self.timeline.rows;
        let effect = if let Some(page) = self.page.as_mut().filter(|page| page.is_busy()) {
            page.work(&mut store, until);
            Effect::None
        } else if rows.is_behind() {
            rows.work(&mut store, until);
            Effect::None
        } else {
            self.search.work(rows, &mut store, until, coming)
        };
        drop(store);
        let _ = self.perform(effect);
        true
    }

    /// Returns the panel that lies under a place on the screen.
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
