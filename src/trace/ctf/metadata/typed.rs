//! What a declaration of a type comes to: a field class whose tags and lengths are still names.

use super::model::{FieldClass, Position, Written};
use std::sync::Arc;

/// Deeper types, and types nested deeper in the text, are refused.
pub(super) const MAX_DEPTH: usize = 64;

/// A class whose references are still names.
pub(super) type Parsed = FieldClass<Written>;

/// A class and the depth of its tree.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub class: Arc<Parsed>,
    pub depth: usize,
}

/// A type before its declarators.
pub(super) enum Base {
    Class(Typed),
    /// A name that may still get stars: `void *`.
    Name(String, Position),
}
