//! Columns by name: a table says of each column what fills it, and the contract says what the columns are.
//!
//! The names are resolved once, when the table opens. From then on each column is filled for a whole chunk of rows at a
//! time, by code that knows the types of its rows and values.

use super::mismatch::Mismatch;
use crate::columns::parquet::content::{Content, Lists, Structures};
use crate::columns::parquet::sparse::Rows;
use crate::columns::schema::contract::{self, Contract, dictionary};
use crate::error::Result;
use arrow::datatypes::{DataType, Field};
use parquet::errors::ParquetError;
use std::collections::HashMap;
use std::sync::Arc;

/// Makes the content of a column, whose field the contract gives, from a chunk of rows.
type Fill<C> = Box<dyn Fn(&C, &Field) -> Content + Send>;

/// Compares a column with the contract's; the string is its name after that of the table.
type Check<C> =
    Box<dyn FnOnce(&str, &contract::Column) -> Result<Option<Filled<C>>, Mismatch> + Send>;

/// A column of a table whose rows come in chunks of the type `C`, before it is compared with the contract.
pub(super) struct NamedColumn<C: ?Sized> {
    name: &'static str,
    open: Check<C>,
}

/// A column that is as the contract says.
struct Filled<C: ?Sized> {
    field: Field,
    fill: Fill<C>,
}

impl<C: ?Sized + 'static> NamedColumn<C> {
    /// A column of a type, filled by a function. A column that is `utf8` in the contract may be filled with words of a
    /// dictionary.
    pub(super) fn new(
        name: &'static str,
        filled: DataType,
        fill: impl Fn(&C, &Field) -> Content + Send + 'static,
    ) -> Self {
        let open = move |column: &str, contract: &contract::Column| {
            let field = contract.field(&HashMap::new());
            let expected = field.data_type();
            let in_words = *expected == DataType::Utf8 && filled == dictionary();
            match *expected == filled || in_words {
                true => Ok(Some(Filled {
                    field: field.with_data_type(filled),
                    fill: Box::new(fill) as Fill<C>,
                })),
                false => Err(wrong_type(column, contract, filled)),
            }
        };
        NamedColumn {
            name,
            open: Box::new(open),
        }
    }

    /// A column of lists of structures, which have `members`. `items` gives the elements of all rows of a chunk.
    pub(super) fn structs<T: 'static>(
        name: &'static str,
        members: Vec<NamedColumn<[T]>>,
        items: impl Fn(&C) -> Items<T> + Send + 'static,
    ) -> Self {
        let open = move |column: &str, contract: &contract::Column| {
            let field = contract.field(&HashMap::new());
            if element(field.data_type()).is_none() {
                let none = Field::new("element", DataType::Struct(Default::default()), false);
                return Err(wrong_type(column, contract, DataType::List(none.into())));
            }
            let members = Columns::open(column, &contract.items, members)?;
            let fill = move |chunk: &C, _: &Field| list_of_structures(&members, &items(chunk));
            Ok(Some(Filled {
                field,
                fill: Box::new(fill) as Fill<C>,
            }))
        };
        NamedColumn {
            name,
            open: Box::new(open),
        }
    }

    /// A column of integers that may be null, which is filled when the parts of the table are joined.
    pub(super) fn late(name: &'static str) -> Self {
        let open = |column: &str, contract: &contract::Column| {
            let field = contract.field(&HashMap::new());
            match (field.data_type(), field.is_nullable()) {
                (DataType::Int64, true) => Ok(None),
                _ => Err(wrong_type(column, contract, DataType::Int64)),
            }
        };
        NamedColumn {
            name,
            open: Box::new(open),
        }
    }

    /// A column of structures that the table fills in a way of its own.
    pub(super) fn apart(name: &'static str) -> Self {
        let open = |column: &str, contract: &contract::Column| {
            let field = contract.field(&HashMap::new());
            match contract.is_open() || element(field.data_type()).is_some() {
                true => Ok(None),
                false => Err(wrong_type(
                    column,
                    contract,
                    DataType::Struct(Default::default()),
                )),
            }
        };
        NamedColumn {
            name,
            open: Box::new(open),
        }
    }
}

fn wrong_type(column: &str, contract: &contract::Column, filled: DataType) -> Mismatch {
    Mismatch::Type {
        column: column.to_owned(),
        contract: contract.type_name.clone(),
        filled,
    }
}

/// The elements of lists.
pub(super) struct Items<T> {
    /// Those of all rows, one after the other.
    pub all: Vec<T>,
    /// How many each row has; `None` where it has no list.
    pub lengths: Vec<Option<usize>>,
}

/// Compares the columns of a table, in any order, with its contract.
///
/// # Errors
/// [`Error::Fault`](crate::error::Error::Fault) where they differ.
pub(super) fn of<C: ?Sized + 'static>(
    contract: &Contract,
    columns: Vec<NamedColumn<C>>,
) -> Result<Columns<C>> {
    let opened = Columns::open(&contract.table, &contract.columns, columns);
    opened.map_err(Mismatch::into_fault)
}

/// The columns of a table, in the order of its contract, but those that it fills in ways of its own.
pub(super) struct Columns<C: ?Sized> {
    filled: Vec<Filled<C>>,
}

impl<C: ?Sized + 'static> Columns<C> {
    /// Compares `columns`, in any order, with those of the contract of `table`.
    ///
    /// # Errors
    /// The first [`Mismatch`].
    pub(super) fn open(
        table: &str,
        contract: &[contract::Column],
        columns: Vec<NamedColumn<C>>,
    ) -> Result<Self, Mismatch> {
        let full = |name: &str| format!("{table}.{name}");
        let mut by_name = HashMap::new();
        for column in columns {
            let name = column.name;
            if by_name.insert(name, column).is_some() {
                return Err(Mismatch::Twice { column: full(name) });
            }
        }
        let mut filled = Vec::new();
        for contract in contract {
            let column = full(&contract.name);
            match by_name.remove(contract.name.as_str()) {
                Some(found) => filled.extend((found.open)(&column, contract)?),
                None => return Err(Mismatch::NotFilled { column }),
            }
        }
        match by_name.into_keys().min() {
            Some(name) => Err(Mismatch::NotInContract { column: full(name) }),
            None => Ok(Columns { filled }),
        }
    }

    /// How many columns these are.
    pub(super) fn len(&self) -> usize {
        self.filled.len()
    }

    /// Each column with what it has in a chunk of `rows` rows.
    ///
    /// # Errors
    /// [`ParquetError`] where a column that the contract calls never null is null.
    pub(super) fn fill(
        &self,
        chunk: &C,
        rows: usize,
    ) -> impl Iterator<Item = Result<(&Field, Content), ParquetError>> {
        self.filled.iter().map(move |column| {
            let content = (column.fill)(chunk, &column.field);
            match column.field.is_nullable() || content.is_full(rows) {
                true => Ok((&column.field, content)),
                false => Err(ParquetError::General(format!(
                    "the column {} is null in some rows, which its contract excludes",
                    column.field.name()
                ))),
            }
        })
    }
}

/// The element of a list of structures.
fn element(ty: &DataType) -> Option<&Arc<Field>> {
    match ty {
        DataType::List(element) if matches!(element.data_type(), DataType::Struct(_)) => {
            Some(element)
        }
        _ => None,
    }
}

/// Lists of structures, each of which is there.
fn list_of_structures<T: 'static>(members: &Columns<[T]>, items: &Items<T>) -> Content {
    let count = items.all.len();
    let members = members.filled.iter().map(|member| {
        let content = (member.fill)(&items.all, &member.field);
        Some(content)
    });
    let structures = Structures {
        rows: (0..count).collect(),
        members: members.collect(),
    };
    let lengths = items.lengths.iter().copied();
    Content::Lists(lists_of(lengths, Content::Structures(structures)))
}

/// Lists of so many elements each, for each row that has one.
pub(super) fn lists_of(lengths: impl Iterator<Item = Option<usize>>, elements: Content) -> Lists {
    let (mut rows, mut offsets) = (Rows::default(), vec![0]);
    for (row, length) in lengths.enumerate() {
        if let Some(length) = length {
            rows.push(row);
            let end = offsets[offsets.len() - 1] as usize + length;
            offsets.push(i32::try_from(end).expect("a chunk holds few elements"));
        }
    }
    Lists {
        rows,
        offsets,
        elements: Box::new(elements),
    }
}
