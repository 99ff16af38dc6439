//! What the types of columns are called where a dataset is described to people: as in the contract (`schemas/`).

use arrow::datatypes::DataType;

/// A type in words: `struct`, `list<int64>`, `timestamp[ns, UTC]`.
pub(crate) fn type_name(ty: &DataType) -> String {
    match ty {
        DataType::Struct(_) => "struct".to_owned(),
        DataType::List(element) => format!("list<{}>", type_name(element.data_type())),
        DataType::Dictionary(_, values) => format!("dictionary<{}>", type_name(values)),
        DataType::Timestamp(_, zone) => match zone {
            Some(zone) => format!("timestamp[ns, {zone}]"),
            None => "timestamp[ns]".to_owned(),
        },
        other => other.to_string().to_lowercase(),
    }
}
