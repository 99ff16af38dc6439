//! Structures that may be null, and lists in them or in lists: their levels, from those that are there.
//!
//! Rows that have nothing cost nothing. Levels of a list are kept once for all that is in it; a structure has definition levels
//! of its own, and shares all else with what it is in.

use super::layout::{Definitions, Layout};
use super::shape::Shape;
use crate::columns::parquet::sparse::At;

/// The places that structures, or lists, have for values.
pub struct Deep {
    /// That of lists, and of structures in which nothing deeper is; structures in others, or in such lists, have theirs.
    layout: Option<Layout>,
    definitions: Definitions,
    /// That of a list without elements.
    empty: u8,
}

impl Deep {
    /// Of structures at the places of `parent`, each of which may be null; none yet.
    pub fn structures(parent: Shape) -> Self {
        let own = parent.deep.is_none();
        Deep {
            layout: own.then(|| Layout::new(parent.repetition(), false)),
            definitions: Definitions {
                level: parent.level() + 1,
                of: Vec::new(),
            },
            empty: 0,
        }
    }

    /// Of lists at the places of `parent`, each of which may be null or not; none yet.
    pub fn lists(parent: Shape, optional: bool) -> Self {
        let empty = parent.level() + u8::from(optional);
        Deep {
            layout: Some(Layout::new(parent.repetition() + 1, true)),
            definitions: Definitions {
                level: empty + 1,
                of: Vec::new(),
            },
            empty,
        }
    }

    /// Of a column whose values have the definition level `level`, where nothing of it is there.
    pub(crate) fn nothing(parent: Shape, level: u8) -> Self {
        Deep {
            layout: Some(Layout::new(parent.repetition(), false)),
            definitions: Definitions {
                level,
                of: Vec::new(),
            },
            empty: 0,
        }
    }

    /// What lies in them, which lie in `parent`.
    pub fn shape<'a>(&'a self, parent: Shape<'a>) -> Shape<'a> {
        let layout = self.layout.as_ref();
        let layout = layout.or(parent.deep.map(|(layout, _)| layout));
        let layout = layout.expect("structures at the base have one");
        Shape {
            base: parent.base,
            deep: Some((layout, &self.definitions)),
        }
    }

    /// How many places there are in lists.
    pub fn place_count(&self) -> usize {
        let layout = self.layout.as_ref();
        layout.and_then(Layout::place_count).unwrap_or_default()
    }

    /// Adds structures at those places of `parent` that `at` tells, counted from its place `first` on. All that came to the
    /// parent must be added, whether it has structures or not.
    pub fn add_structures(&mut self, parent: Shape, first: usize, at: At) {
        let levels = &mut self.definitions.of;
        let Some((layout, definitions)) = parent.deep else {
            let layout = self.layout.as_mut().expect("that of the base");
            for place in at.iter() {
                layout.begin(first + place);
                layout.push(0);
                layout.end();
                levels.push(self.definitions.level);
            }
            return;
        };
        let mut from = levels.len();
        levels.extend_from_slice(&definitions.of[levels.len()..]);
        for place in at.iter() {
            let kept = layout.kept_of(first + place, from);
            let kept = kept.expect("a structure is in what is there");
            levels[kept] = self.definitions.level;
            if layout.place_count().is_none() {
                from = kept;
            }
        }
    }

    /// Adds lists of so many elements each at places of `parent`, as [`Deep::add_structures`] does.
    pub fn add_lists(
        &mut self,
        parent: Shape,
        first: usize,
        at: At,
        lengths: impl Iterator<Item = usize>,
    ) {
        let lists = at.iter().map(|place| first + place).zip(lengths);
        match parent.deep {
            None => {
                for (place, length) in lists {
                    // A list that cannot be null and has nothing is as if it were not there.
                    if length > 0 || self.empty > parent.level() {
                        self.begin(place);
                        self.push_list(length, 0, parent.base.level_of(place));
                        self.end();
                    }
                }
            }
            Some((layout, definitions)) => {
                let known = self.layout.as_ref().map_or(0, Layout::len);
                let mut lists = lists.peekable();
                for run in known..layout.len() {
                    let slot = layout.slot(run);
                    let place = parent.base.level_of(slot);
                    self.begin(slot);
                    let all = layout.kept(&(run..run + 1));
                    let repetition = layout.repetition(all.clone());
                    for (kept, repetition) in all.zip(repetition) {
                        let is = |list: &(usize, usize)| layout.kept_of(list.0, run) == Some(kept);
                        match lists.next_if(is) {
                            Some((_, length)) => self.push_list(length, *repetition, place),
                            None => self.push(definitions.of[kept], *repetition),
                        }
                    }
                    self.end();
                }
                assert!(lists.next().is_none(), "a list is in what is there");
            }
        }
    }

    fn layout(&mut self) -> &mut Layout {
        self.layout.as_mut().expect("lists have one")
    }

    fn begin(&mut self, slot: usize) {
        self.layout().begin(slot);
    }

    fn end(&mut self) {
        self.layout().end();
    }

    fn push(&mut self, definition: u8, repetition: u8) {
        self.definitions.of.push(definition);
        self.layout().push(repetition);
    }

    /// Adds a list whose first level has this repetition; `place` is the level that its run has in the base.
    fn push_list(&mut self, length: usize, repetition: u8, place: usize) {
        if length == 0 {
            return self.push(self.empty, repetition);
        }
        let levels = self.definitions.of.len() + length;
        self.definitions.of.resize(levels, self.definitions.level);
        self.layout().push_elements(length, repetition, place);
    }
}
