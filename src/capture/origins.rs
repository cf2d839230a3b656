use std::sync::{Arc, Mutex, PoisonError};

use crate::model::LinkType;

/// The files that contain packets of each link type, of a source that is owned elsewhere; clones share them.
#[derive(Clone, Debug, Default)]
pub struct LinkSources(Arc<Mutex<Vec<(LinkType, Box<str>)>>>);

impl LinkSources {
    /// Returns the names of the files read so far that contain packets of this link type, in the order of reading.
    pub fn of(&self, link: LinkType) -> Vec<Box<str>> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().filter(|(its, _)| *its == link).map(|(_, file)| file.clone()).collect()
    }

    pub(super) fn note(&self, link: LinkType, file: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((link, file.into()));
    }
}
