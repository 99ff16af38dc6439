//! Values of fields, gathered column by column.
//!
//! A column is told only of the rows that have a value (see [`sparse`](crate::columns::parquet::sparse)), so columns that
//! no value came for cost nothing. What becomes of the values is in `gathered`.

use crate::columns::parquet::sparse::{Rows, Sparse, SparseBytes};
use crate::columns::schema::kind::Kind;
use crate::columns::schema::layout::FieldColumn;
use crate::columns::schema::route::Route;
use crate::columns::schema::types::Usage;
use crate::trace::event::{Cursor, FieldType};

/// The values of one column.
pub struct Values {
    pub(super) data: Data,
    usage: Usage,
    /// Rows, in the present chunk, whose value (or an element of it) went to the sibling.
    pub(super) beside: Rows,
    /// Whether the present chunk has values.
    pub(super) touched: bool,
}

/// The values in the present chunk. Integers and texts have those of the sibling beside them.
pub(super) enum Data {
    Int(Sparse<i64>, Sparse<u64>),
    Float(Sparse<f64>),
    Text(SparseBytes, SparseBytes),
    List {
        /// Where the elements of each list begin among all, and where the last's end.
        offsets: Vec<i32>,
        valid: Rows,
        child: Box<Values>,
    },
    Struct {
        valid: Rows,
        members: Vec<Values>,
    },
}

impl Values {
    /// No values of `column`.
    pub fn new(column: &FieldColumn) -> Self {
        Self::of_kind(&column.kind, column)
    }

    fn of_kind(kind: &Kind, column: &FieldColumn) -> Self {
        let data = match kind {
            Kind::Int => Data::Int(Sparse::new(), Sparse::new()),
            Kind::Float => Data::Float(Sparse::new()),
            Kind::Text => Data::Text(SparseBytes::new(), SparseBytes::new()),
            Kind::List(inner) => Data::List {
                offsets: vec![0],
                valid: Rows::default(),
                child: Box::new(Self::of_kind(inner, column)),
            },
            Kind::Struct => Data::Struct {
                valid: Rows::default(),
                members: column.members.iter().map(Values::new).collect(),
            },
        };
        Values {
            data,
            usage: Usage::default(),
            beside: Rows::default(),
            touched: false,
        }
    }

    /// Reads a value of type `ty` from `cursor` into row `at`, which must be behind all rows set before. Returns
    /// whether (part of) it went to the sibling.
    pub fn push(&mut self, at: usize, ty: &FieldType, route: &Route, cursor: &mut Cursor) -> bool {
        self.touched = true;
        self.usage.main = true;
        let beside = match (&mut self.data, ty) {
            (Data::Int(small, large), FieldType::Unsigned(..)) => {
                let value = cursor.integer();
                match i64::try_from(value) {
                    Ok(value) => small.push(at, value),
                    Err(_) => large.push(at, value),
                }
                value > i64::MAX as u64
            }
            (Data::Int(small, _), FieldType::Signed(..)) => {
                small.push(at, cursor.integer() as i64);
                false
            }
            (Data::Float(values), FieldType::Float(_)) => {
                values.push(at, cursor.float());
                false
            }
            (Data::Text(text, other), FieldType::Text) => {
                let read = cursor.utf8();
                match read {
                    Ok(utf8) => text.push(at, utf8.as_bytes()),
                    Err(bytes) => other.push(at, bytes),
                }
                read.is_err()
            }
            (Data::List { .. }, FieldType::List(element, _)) => {
                self.push_list(at, element, route, cursor)
            }
            (Data::Struct { .. }, _) => {
                self.push_members(at, ty, route, cursor);
                false
            }
            _ => unreachable!("routes lead to columns of their kind"),
        };
        if beside {
            self.beside.push(at);
            self.usage.sibling = true;
        }
        beside
    }

    fn push_list(
        &mut self,
        at: usize,
        element: &FieldType,
        route: &Route,
        cursor: &mut Cursor,
    ) -> bool {
        let (
            Data::List {
                offsets,
                valid,
                child,
            },
            Route::List(inner),
        ) = (&mut self.data, route)
        else {
            unreachable!("lists go to lists")
        };
        let start = *offsets.last().expect("starts with 0");
        let n = cursor.count();
        let mut beside = false;
        for i in 0..n {
            beside |= child.push(start as usize + i, element, inner, cursor);
        }
        let end = i32::try_from(start as usize + n).expect("a chunk holds few elements");
        offsets.push(end);
        valid.push(at);
        beside
    }

    fn push_members(&mut self, at: usize, ty: &FieldType, route: &Route, cursor: &mut Cursor) {
        let (Data::Struct { valid, members }, Route::Members(routes)) = (&mut self.data, route)
        else {
            unreachable!("structures go to structures")
        };
        valid.push(at);
        match ty {
            FieldType::Struct(fields) => {
                for (field, route) in fields.iter().zip(routes) {
                    push_field(members, at, &field.ty, route, cursor);
                }
            }
            FieldType::Variant(options) => {
                let option = cursor.count();
                push_field(members, at, &options[option].ty, &routes[option], cursor);
            }
            _ => unreachable!("structures go to structures"),
        }
    }

    /// What has come to be used so far.
    pub fn usage(&self) -> Usage {
        let members = match &self.data {
            Data::Struct { members, .. } => members.iter().map(Values::usage).collect(),
            Data::List { child, .. } => child.usage().members,
            _ => Vec::new(),
        };
        Usage {
            members,
            ..self.usage.clone()
        }
    }
}

/// Reads a field's value from `cursor` into row `at` of the column that its route leads to.
pub fn push_field(
    columns: &mut [Values],
    at: usize,
    ty: &FieldType,
    (column, route): &(usize, Route),
    cursor: &mut Cursor,
) {
    match route {
        Route::Nowhere => cursor.skip(ty),
        route => {
            columns[*column].push(at, ty, route, cursor);
        }
    }
}
