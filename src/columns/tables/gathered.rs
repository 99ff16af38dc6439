//! Values that were gathered, as they are encoded: with their rows, and lists and structures of them.

use super::values::{Data, Values};
use crate::columns::parquet::content::{Content, Lists, Numbers, Structures};
use crate::columns::parquet::sparse::Rows;
use crate::columns::schema::layout::FieldColumn;
use crate::columns::schema::types::{can_have_sibling, main_type, sibling_type};
use arrow::datatypes::Field;
use std::ops::Range;

/// A field's column that has values in a chunk of rows.
pub(super) struct Gathered {
    /// Its number among all columns and their siblings.
    pub number: usize,
    /// The column.
    pub field: Field,
    /// The values.
    pub content: Content,
}

/// What the rows of a chunk have in the columns that have values in them; afterwards there are none.
pub(super) fn gathered<'a>(
    columns: &'a [FieldColumn],
    values: &'a mut [Values],
) -> impl Iterator<Item = Gathered> + 'a {
    let touched = columns.iter().zip(values).enumerate();
    let touched = touched.filter(|(_, (_, values))| values.touched);
    touched.flat_map(move |(i, (column, values))| {
        let (main, sibling) = values.finish(column);
        let main = Gathered {
            number: 2 * i,
            field: Field::new(&column.name, main_type(column), true),
            content: main,
        };
        let sibling = sibling.map(|content| Gathered {
            number: 2 * i + 1,
            field: Field::new(&column.sibling, sibling_type(column), true),
            content,
        });
        std::iter::once(main).chain(sibling)
    })
}

impl Values {
    /// What has come: the column, and its sibling where there are values for it; afterwards there are no values.
    fn finish(&mut self, column: &FieldColumn) -> (Content, Option<Content>) {
        let beside = self.beside.take();
        let sibling = (!beside.is_empty()).then(|| match &mut self.data {
            Data::List {
                offsets,
                valid,
                child,
            } => {
                let (lists, elements) = chosen(offsets, valid, &beside);
                Content::Lists(Lists {
                    rows: beside,
                    offsets: lists,
                    elements: Box::new(child.siblings(&elements)),
                })
            }
            _ => {
                let all = 0..usize::MAX;
                self.siblings(std::slice::from_ref(&all))
            }
        });
        (self.main(column), sibling)
    }

    /// What has come, without the sibling.
    fn main(&mut self, column: &FieldColumn) -> Content {
        self.touched = false;
        self.beside.take();
        match &mut self.data {
            Data::Int(small, _) => Content::Numbers(Numbers::Long(small.take())),
            Data::Float(values) => Content::Numbers(Numbers::Double(values.take())),
            Data::Text(text, _) => Content::Texts(text.take()),
            Data::List {
                offsets,
                valid,
                child,
            } => Content::Lists(Lists {
                rows: valid.take(),
                offsets: std::mem::replace(offsets, vec![0]),
                elements: Box::new(child.main(column)),
            }),
            Data::Struct { valid, members } => Content::Structures(Structures {
                rows: valid.take(),
                members: members_of(&column.members, members),
            }),
        }
    }

    /// What went to the sibling, in lists that have these places and go to the sibling, too: those places are counted anew.
    /// Lists in such lists stay as they are, whether or not something in them went there.
    fn siblings(&mut self, places: &[Range<usize>]) -> Content {
        match &mut self.data {
            Data::Int(_, large) => {
                let mut large = large.take().into_bits();
                large.count_anew(places);
                Content::Numbers(Numbers::Long(large))
            }
            Data::Text(_, other) => {
                let mut other = other.take();
                other.count_anew(places);
                Content::Texts(other)
            }
            Data::List {
                offsets,
                valid,
                child,
            } => {
                let within: Rows = valid.within(places).collect();
                let (lists, elements) = chosen(offsets, valid, &within);
                Content::Lists(Lists {
                    rows: within.counted_anew(places),
                    offsets: lists,
                    elements: Box::new(child.siblings(&elements)),
                })
            }
            Data::Float(_) | Data::Struct { .. } => unreachable!("they have no siblings"),
        }
    }
}

/// What has come for each member of structures, and for its sibling, if it can have one.
fn members_of(columns: &[FieldColumn], values: &mut [Values]) -> Vec<Option<Content>> {
    let mut members = Vec::new();
    for (values, column) in values.iter_mut().zip(columns) {
        let (main, sibling) = match values.touched {
            true => {
                let (main, sibling) = values.finish(column);
                (Some(main), sibling)
            }
            false => (None, None),
        };
        members.push(main);
        if can_have_sibling(column) {
            members.push(sibling);
        }
    }
    members
}

/// Of lists at the rows `valid`, which begin and end at `offsets`, those at `rows`: where they begin and end, and where they
/// did among the elements of all.
fn chosen(offsets: &[i32], valid: &Rows, rows: &Rows) -> (Vec<i32>, Vec<Range<usize>>) {
    let (mut ends, mut elements) = (vec![0], Vec::new());
    let mut rows = rows.iter().peekable();
    for (row, ends_of) in valid.iter().zip(offsets.windows(2)) {
        if rows.next_if_eq(&row).is_some() {
            elements.push(ends_of[0] as usize..ends_of[1] as usize);
            ends.push(ends[ends.len() - 1] + (ends_of[1] - ends_of[0]));
        }
    }
    (ends, elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::parquet::sparse::Sparse;
    use crate::columns::schema::layout::unite;
    use crate::trace::event::{self, FieldType};

    fn lists(content: Content) -> (Vec<usize>, Vec<i32>, Content) {
        let Content::Lists(lists) = content else {
            panic!("they are lists");
        };
        let rows = lists.rows.iter().collect();
        (rows, lists.offsets, *lists.elements)
    }

    fn longs(content: Content) -> Vec<(usize, i64)> {
        let Content::Numbers(Numbers::Long(longs)) = content else {
            panic!("they are numbers");
        };
        let values = longs.values().iter().copied();
        longs.at().iter().zip(values).collect()
    }

    /// Lists of lists of unsigned numbers, of which some are too large for the column.
    #[test]
    fn siblings_of_lists_in_lists_have_the_lists_around_what_went_there() {
        let number = FieldType::Unsigned(64, Vec::new());
        let inner = FieldType::List(Box::new(number), None);
        let field = event::Field {
            name: "all".to_owned(),
            ty: FieldType::List(Box::new(inner), None),
            index: 0,
        };
        let column = &unite([field].iter())[0];
        let mut values = Values::new(column);
        // [[1, 2^63], [2]], nothing, [[3]], nothing, [[], [u64::MAX, 4]]
        let (mut small, mut large) = (Sparse::new(), Sparse::new());
        for (at, value) in [(0, 1), (2, 2), (3, 3), (5, 4)] {
            small.push(at, value);
        }
        for (at, value) in [(1, 1 << 63), (4, u64::MAX)] {
            large.push(at, value);
        }
        let Data::List {
            offsets,
            valid,
            child,
        } = &mut values.data
        else {
            panic!("it is a list");
        };
        (*offsets, *valid) = (vec![0, 2, 3, 5], [0, 2, 4].into_iter().collect());
        let Data::List {
            offsets,
            valid,
            child: numbers,
        } = &mut child.data
        else {
            panic!("it is a list in one");
        };
        (*offsets, *valid) = (vec![0, 2, 3, 4, 4, 6], (0..5).collect());
        numbers.data = Data::Int(small, large);
        child.beside = [0, 4].into_iter().collect();
        values.beside = [0, 4].into_iter().collect();
        values.touched = true;

        let all: Vec<Gathered> = gathered(
            std::slice::from_ref(column),
            std::slice::from_mut(&mut values),
        )
        .collect();
        let [main, sibling] = <[Gathered; 2]>::try_from(all).ok().expect("two columns");
        let (rows, offsets, inner) = lists(main.content);
        assert_eq!((rows, offsets), (vec![0, 2, 4], vec![0, 2, 3, 5]));
        let (rows, offsets, numbers) = lists(inner);
        assert_eq!(
            (rows, offsets),
            (vec![0, 1, 2, 3, 4], vec![0, 2, 3, 4, 4, 6])
        );
        assert_eq!(longs(numbers), [(0, 1), (2, 2), (3, 3), (5, 4)]);
        let (rows, offsets, inner) = lists(sibling.content);
        assert_eq!((rows, offsets), (vec![0, 4], vec![0, 2, 4]));
        let (rows, offsets, numbers) = lists(inner);
        assert_eq!((rows, offsets), (vec![0, 1, 2, 3], vec![0, 2, 3, 3, 5]));
        assert_eq!(longs(numbers), [(1, i64::MIN), (3, -1)]);

        // Nothing is left for the next chunk.
        assert!(!values.touched && values.beside.is_empty());
        let Content::Lists(lists) = values.main(column) else {
            panic!("it is a list");
        };
        assert!(lists.rows.is_empty());
    }
}
