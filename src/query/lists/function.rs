//! What functions on lists have in common.

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A function on lists: what it takes, what it gives, and how. Functions are told apart by their names.
#[derive(Debug)]
pub(super) struct ListFunction {
    name: &'static str,
    /// Which arguments are lists; the others are not.
    lists: &'static [bool],
    signature: Signature,
    element: fn(&[DataType]) -> DataType,
    invoke: fn(&[ListArgument]) -> Result<ListArray>,
}

/// An argument: one for each row, or one for all.
pub(super) struct ListArgument {
    pub array: ArrayRef,
    pub is_one: bool,
}

impl ListFunction {
    /// A function with arguments of which `lists` says whether they are lists, that gives lists of `element`.
    pub(super) fn new(
        name: &'static str,
        lists: &'static [bool],
        element: fn(&[DataType]) -> DataType,
        invoke: fn(&[ListArgument]) -> Result<ListArray>,
    ) -> Self {
        ListFunction {
            name,
            lists,
            signature: Signature::any(lists.len(), Volatility::Immutable),
            element,
            invoke,
        }
    }
}

impl PartialEq for ListFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ListFunction {}

impl Hash for ListFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for ListFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        for (number, (wanted, given)) in self.lists.iter().zip(types).enumerate() {
            let fits = match given {
                DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => *wanted,
                DataType::Null => true,
                other => !wanted && !other.is_nested(),
            };
            if !fits {
                let what = if *wanted { "a list" } else { "one value" };
                return plan_err!("{} takes {what} as argument {}", self.name, number + 1);
            }
        }
        Ok(list_type((self.element)(types)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_one = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arguments = args.args.iter().zip(self.lists).map(|(value, is_list)| {
            let (array, is_one) = match value {
                ColumnarValue::Array(array) => (Arc::clone(array), false),
                ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
            };
            let array = if *is_list { plain(&array)? } else { array };
            Ok(ListArgument { array, is_one })
        });
        let mut arguments = arguments.collect::<Result<Vec<_>>>()?;
        // The first decides how many rows there are.
        if !all_one && arguments[0].is_one {
            arguments[0] = ListArgument {
                array: arguments[0].expanded(args.number_rows)?,
                is_one: false,
            };
        }
        let lists: ArrayRef = Arc::new((self.invoke)(&arguments)?);
        Ok(match all_one {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&lists, 0)?),
            false => ColumnarValue::Array(lists),
        })
    }
}

/// Lists of any form in the usual one.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let element = match array.data_type() {
        DataType::List(_) => return Ok(Arc::clone(array)),
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) => field.data_type().clone(),
        other => other.clone(),
    };
    Ok(cast(array, &list_type(element))?)
}

/// The type of lists of these elements.
fn list_type(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// Numbers as elements.
pub(super) fn longs(_: &[DataType]) -> DataType {
    DataType::Int64
}

impl ListArgument {
    /// The lists of an argument that is one.
    pub(super) fn lists(&self) -> &ListArray {
        self.array.as_list()
    }

    /// The argument in as many rows.
    ///
    /// # Errors
    /// Those of arrow.
    pub(super) fn expanded(&self, rows: usize) -> Result<ArrayRef> {
        match self.is_one {
            true => Ok(take(&self.array, &UInt32Array::from(vec![0; rows]), None)?),
            false => Ok(Arc::clone(&self.array)),
        }
    }

    /// The row in which an argument stands for a row of the first.
    pub(super) fn row(&self, row: usize) -> usize {
        if self.is_one { 0 } else { row }
    }

    /// The argument as a number; `None` where it is null.
    ///
    /// # Errors
    /// Where it is no number.
    pub(super) fn number(&self, row: usize) -> Result<Option<i64>> {
        let numbers = cast(&self.array.slice(self.row(row), 1), &DataType::Int64)?;
        let numbers = numbers.as_primitive::<Int64Type>();
        Ok(numbers.is_valid(0).then(|| numbers.value(0)))
    }
}

/// The elements of all rows of lists, without what is before the first and after the last.
pub(super) fn elements(lists: &ListArray) -> ArrayRef {
    let offsets = lists.value_offsets();
    let (from, to) = (offsets[0] as usize, offsets[lists.len()] as usize);
    lists.values().slice(from, to - from)
}

/// Where the elements of each row begin and end among [`elements`].
pub(super) fn offsets(lists: &ListArray) -> OffsetBuffer<i32> {
    let first = lists.value_offsets()[0];
    match first {
        0 => lists.offsets().clone(),
        _ => {
            let moved = lists.value_offsets().iter().map(|offset| offset - first);
            OffsetBuffer::new(moved.collect::<Vec<i32>>().into())
        }
    }
}

/// Lists of the same lengths with other elements.
///
/// # Errors
/// Where there is not one for each.
pub(super) fn with_elements(lists: &ListArray, elements: ArrayRef) -> Result<ListArray> {
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let nulls = lists.nulls().cloned();
    Ok(ListArray::try_new(field, offsets(lists), elements, nulls)?)
}

/// Texts out of few.
pub(super) fn words_type() -> DataType {
    DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
}

/// Elements as words out of a dictionary.
///
/// # Errors
/// Where they are no texts.
pub(super) fn as_words(elements: &ArrayRef) -> Result<DictionaryArray<Int32Type>> {
    let words = words_type();
    let words = match elements.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            cast(&cast(elements, &DataType::Utf8)?, &words)?
        }
        DataType::Dictionary(_, value) if !value.is_nested() => cast(elements, &words)?,
        other => return exec_err!("a list of texts is needed, not of {other}"),
    };
    Ok(words.as_dictionary().clone())
}

/// The number of each word in its dictionary; `None` for what is null.
pub(super) fn word_numbers(
    words: &DictionaryArray<Int32Type>,
) -> impl Iterator<Item = Option<usize>> + '_ {
    let nulls = words.logical_nulls();
    let keys = words.keys().values().iter().enumerate();
    keys.map(move |(at, key)| match &nulls {
        Some(nulls) if nulls.is_null(at) => None,
        _ => Some(*key as usize),
    })
}

/// Whether two lists that stand side by side are of equal length in each row where neither is null.
///
/// # Errors
/// Where they are not.
pub(super) fn side_by_side(name: &str, a: &ListArray, b: &ListArray) -> Result<()> {
    let unequal = (0..a.len()).find(|row| {
        a.is_valid(*row) && b.is_valid(*row) && a.value_length(*row) != b.value_length(*row)
    });
    match unequal {
        None => Ok(()),
        Some(row) => exec_err!(
            "{name}: lists of {} and {} elements stand side by side",
            a.value_length(row),
            b.value_length(row)
        ),
    }
}

/// The words of a dictionary, by their numbers.
pub(super) fn texts(words: &DictionaryArray<Int32Type>) -> Vec<Option<&str>> {
    words.values().as_string::<i32>().iter().collect()
}

/// The error of a call with another number of arguments than the signature allows.
///
/// # Errors
/// Always.
pub(super) fn wrong_number<T>(name: &str) -> Result<T> {
    exec_err!("{name} takes another number of arguments")
}
