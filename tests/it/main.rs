//! What the program does, seen from outside; one binary, so that DataFusion is linked once.

mod query;
