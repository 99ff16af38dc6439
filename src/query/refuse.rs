//! The SQL function `refuse`: a query that ends with an error of its own.
//!
//! A rule in SQL knows best which values it cannot take, as a label that no recording has, and what there is instead. SQL
//! has no way to say so. `refuse(what, remedy)` is null where `what` is null, and otherwise ends the query with that
//! message and what to do about it, as a wrong call. It is volatile, so that it runs once for each row that there is, and not
//! while a query is planned.

use crate::error::Error;
use arrow::array::{Array, AsArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function `refuse(what, remedy)`.
pub(super) fn refuse() -> ScalarUDF {
    ScalarUDF::new_from_impl(Refuse {
        signature: Signature::string(2, Volatility::Volatile),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Refuse {
    signature: Signature,
}

impl ScalarUDFImpl for Refuse {
    fn name(&self) -> &str {
        "refuse"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = ColumnarValue::values_to_arrays(&args.args)?;
        let plain = |at: usize| cast(&texts[at], &DataType::Utf8);
        let (what, remedy) = (plain(0)?, plain(1)?);
        let (what, remedy) = (what.as_string::<i32>(), remedy.as_string::<i32>());
        match (0..what.len()).find(|row| what.is_valid(*row)) {
            None => {
                let nulls = new_null_array(&DataType::Boolean, what.len());
                Ok(ColumnarValue::Array(nulls))
            }
            Some(row) => {
                let remedy = remedy.is_valid(row).then(|| remedy.value(row));
                let error = Error::usage(what.value(row), remedy.unwrap_or_default());
                Err(DataFusionError::External(Box::new(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::RecordBatch;
    use datafusion::prelude::SessionContext;

    fn asked(sql: &str) -> Result<Vec<RecordBatch>> {
        let threads = tokio::runtime::Runtime::new().unwrap();
        threads.block_on(async {
            let context = SessionContext::new();
            context.register_udf(refuse());
            context.sql(sql).await?.collect().await
        })
    }

    #[test]
    fn a_query_ends_with_the_first_reason_that_there_is() {
        let sql = "SELECT refuse(what, 'do this') FROM (VALUES (NULL), ('not that'), ('nor this')) AS t (what)";
        let e = asked(sql).unwrap_err();
        let DataFusionError::External(e) = e.find_root() else {
            panic!("{e}");
        };
        let e = e.downcast_ref::<Error>().unwrap();
        assert_eq!(
            (e.to_string().as_str(), e.remedy().as_str()),
            ("not that", "do this")
        );
        let e = asked("SELECT refuse('no', NULL)").unwrap_err();
        assert!(e.to_string().contains("no"), "{e}");
    }

    #[test]
    fn where_there_is_no_reason_the_query_goes_on() {
        let none = asked("SELECT refuse('no', 'do') FROM (SELECT 1 AS n) WHERE n > 1").unwrap();
        assert_eq!(none.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
        let null = "SELECT refuse(CASE WHEN n > 1 THEN 'no' END, 'do') AS r FROM (SELECT 1 AS n)";
        let rows = asked(null).unwrap();
        assert_eq!(rows[0].column(0).null_count(), 1);
        assert!(asked("SELECT refuse('no')").is_err());
    }
}
