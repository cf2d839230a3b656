use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ratatui::layout::{Position, Rect};

use super::clock::TimeForm;
use super::config::RowColour;
use super::conversations::Conversations;
use super::detail::Detail;
use super::feed::Feed;
use super::go_to::Isolated;
use super::layout::Layout;
use super::matcher::Matcher;
use super::page::Page;
use super::pattern::Pattern;
use super::prompt::Prompt;
use super::remembered::Remembered;
use super::search::{SearchCursor, SearchHits};
use super::theme::Theme;
use super::timeline::{Form, Timeline};
use crate::model::Timestamp;
use crate::store::{Phase, Shared, Store};

/// Name of a part of the screen that keys can go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Panel {
    Conversations,
    #[default]
    Timeline,
    Detail,
}

/// What the mouse holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drag {
    LeftBorder,
    DetailBorder,
    /// A stretch of the overview, from one column to another.
    Overview(u16, u16),
    /// The stretch shown, on the map.
    Map,
}

/// Everything the screen shows, and what it is drawn from.
pub struct App {
    pub(super) store: Shared,
    pub(super) feed: Box<dyn Feed>,
    pub(super) theme: Theme,
    pub(super) panel: Panel,
    pub(super) conversations: Conversations,
    pub(super) timeline: Timeline,
    pub(super) detail: Detail,
    /// Where the screen was before it showed one conversation alone.
    pub(super) isolated: Option<Isolated>,
    pub(super) form: Form,
    pub(super) help: Option<usize>,
    pub(super) prompt: Option<Prompt>,
    /// The page over the panels.
    pub(super) page: Option<Page>,
    /// The next key says what is copied.
    pub(super) copies: bool,
    pub(super) filter_text: String,
    pub(super) filters: Vec<String>,
    pub(super) searches: Vec<String>,
    pub(super) pattern: Option<Pattern>,
    pub(super) hunt: Option<SearchCursor>,
    pub(super) tally: SearchHits,
    pub(super) bookmarks: BTreeSet<u32>,
    /// What the run before left, and what was chosen in this one.
    pub(super) remembered: Remembered,
    /// The colours of rows that filters let through, by the configuration.
    pub(super) colours: Vec<(Matcher, RowColour)>,
    pub(super) mark: Option<u32>,
    pub(super) paused: bool,
    /// How many entries are shown while the screen is paused.
    pub(super) paused_at: usize,
    pub(super) phase: Phase,
    pub(super) said: Option<(String, Instant)>,
    pub(super) layout: Layout,
    pub(super) left_width: Option<u16>,
    pub(super) detail_room: Option<u16>,
    pub(super) drag: Option<Drag>,
    pub(super) rate: Rate,
    seen: u64,
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

/// What a handler asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// Says a line of words for a while.
    Say(String),
    /// Shows one conversation, or all.
    Scope(Option<u32>),
    /// Shows what a filter lets through.
    Filter(String),
    /// Shows a stretch of time.
    Range(Timestamp, Timestamp),
    /// Goes to an entry, whatever hides it.
    GoTo(u32),
    /// Leaves the page.
    Close,
    // What follows is done by whoever runs the screen.
    Copy(Vec<u8>),
    Redraw,
    Suspend,
    Quit,
}

impl App {
    /// Makes the screen of a store that somebody fills.
    pub(super) fn new(store: Shared, feed: Box<dyn Feed>, theme: Theme, time: TimeForm) -> App {
        let live = feed.is_live();
        App {
            store,
            feed,
            theme,
            panel: Panel::default(),
            conversations: Conversations::default(),
            timeline: Timeline { follow: live, ..Timeline::default() },
            detail: Detail::default(),
            isolated: None,
            form: Form { time, ..Form::default() },
            help: None,
            prompt: None,
            page: None,
            copies: false,
            filter_text: String::new(),
            filters: Vec::new(),
            searches: Vec::new(),
            pattern: None,
            hunt: None,
            tally: SearchHits::default(),
            bookmarks: BTreeSet::new(),
            remembered: Remembered::default(),
            colours: Vec::new(),
            mark: None,
            paused: false,
            paused_at: 0,
            phase: Phase::Filling,
            said: None,
            layout: Layout::default(),
            left_width: None,
            detail_room: None,
            drag: None,
            rate: Rate::default(),
            seen: u64::MAX,
        }
    }

    /// Tells whether something came that is not drawn yet.
    pub(super) fn is_stale(&self) -> bool {
        self.seen != self.store.version()
    }

    /// Tells whether there is work to be done between two keys.
    pub(super) fn is_busy(&self) -> bool {
        self.timeline.rows.is_behind() || self.is_searching() || self.page.as_ref().is_some_and(Page::is_busy)
    }

    /// Shows a line of words for a while.
    pub(super) fn say(&mut self, words: impl Into<String>) {
        self.said = Some((words.into(), Instant::now()));
    }

    /// Takes note of what has come, before it is drawn.
    pub(super) fn refresh(&mut self, store: &mut Store, area: Rect) {
        self.seen = self.store.version();
        if !self.paused {
            self.paused_at = store.len();
            self.phase = self.store.phase();
            self.rate.look(store.len());
            self.timeline.rows.refresh(store);
            self.end_wait();
        }
        self.layout = Layout::of(area, self);
        self.help = self.help.map(|top| top.min(super::draw::last_top(area)));
        // A store that changes while we hold it counts its version afterwards: then it is sorted once more.
        let height = usize::from(self.layout.conversations.height);
        self.conversations.refresh(store.conversations(), self.store.version(), height);
        let timeline = &mut self.timeline;
        if timeline.follow {
            timeline.selected = timeline.rows.len().saturating_sub(1);
            timeline.left_at = None;
        } else if let Some(entry) = timeline.entry {
            timeline.selected = timeline.rows.row_of(store, entry);
        }
        timeline.selected = timeline.selected.min(timeline.rows.len().saturating_sub(1));
        if timeline.follow || timeline.entry.is_none() {
            timeline.entry = timeline.rows.get(store, timeline.selected);
        }
        timeline.lay_out(store, self.form, usize::from(self.layout.timeline.height));
        let shown = timeline.rows.get(store, timeline.selected);
        self.detail.show(store, shown, self.pattern.as_ref());
        self.detail.lay_out(self.layout.detail);
        if self.said.as_ref().is_some_and(|(_, when)| when.elapsed() > Duration::from_secs(6)) {
            self.said = None;
        }
    }

    /// Does a little of what is waiting, until `until`; tells whether something changed.
    pub(super) fn work(&mut self, until: Instant) -> bool {
        if !self.is_busy() {
            return false;
        }
        let shared = self.store.clone();
        let mut store = shared.lock();
        if let Some(page) = self.page.as_mut().filter(|page| page.is_busy()) {
            page.work(&mut store, until);
        } else if self.timeline.rows.is_behind() {
            self.timeline.rows.work(&mut store, until);
        } else {
            self.search(&mut store, until);
        }
        true
    }

    /// Selects a row.
    pub(super) fn select(&mut self, store: &Store, row: usize) {
        let timeline = &mut self.timeline;
        let last = timeline.rows.len().saturating_sub(1);
        if timeline.follow && row < last {
            timeline.left_at = Some(timeline.rows.len());
        }
        timeline.follow = timeline.follow && row >= last;
        timeline.selected = row.min(last);
        timeline.entry = timeline.rows.get(store, timeline.selected);
    }

    /// Selects an entry, showing all conversations or all times where it needs to be.
    pub(super) fn go_to(&mut self, store: &Store, number: u32) {
        let row = self.timeline.rows.row_of(store, number);
        if self.timeline.rows.get(store, row) == Some(number) {
            self.select(store, row);
        } else {
            self.say("it is not among the messages shown");
        }
    }

    /// Shows one conversation, or all.
    pub(super) fn show_scope(&mut self, scope: Option<u32>) {
        if self.timeline.rows.scope() == scope {
            return;
        }
        let shared = self.store.clone();
        let store = shared.lock();
        self.timeline.rows.set_scope(scope, &store);
        self.timeline.top = 0;
        if let Some(entry) = self.timeline.entry {
            let row = self.timeline.rows.row_of(&store, entry);
            self.timeline.selected = row.min(self.timeline.rows.len().saturating_sub(1));
            if !self.timeline.rows.is_filtered() {
                self.timeline.entry = self.timeline.rows.get(&store, self.timeline.selected);
            }
        }
    }

    /// Shows what a filter lets through, or all.
    pub(super) fn show_filter(&mut self, filter: Option<Matcher>) {
        let shared = self.store.clone();
        let store = shared.lock();
        self.timeline.rows.set_filter(filter, &store);
        self.timeline.top = 0;
    }

    /// Shows a stretch of time, or all.
    pub(super) fn show_range(&mut self, range: Option<(Timestamp, Timestamp)>) {
        let shared = self.store.clone();
        let store = shared.lock();
        let times = store.times();
        let range = range.zip(times).and_then(|((from, to), (first, last))| {
            let (from, to) = (from.max(first), to.min(last));
            ((from, to) != (first, last)).then_some((from, to.max(from)))
        });
        self.timeline.rows.set_range(range, &store);
        self.timeline.top = 0;
        if let Some((from, to)) = range
            && let Some(entry) = self.timeline.entry.and_then(|entry| store.entry(entry)).copied()
            && (entry.time() < from || entry.time() > to)
        {
            self.timeline.selected = 0;
            self.timeline.entry = self.timeline.rows.get(&store, 0);
            self.timeline.follow = false;
        }
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
