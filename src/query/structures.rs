//! Functions that make structures and maps, bounded: a structure that has another one twice has twice its members, and so
//! forty lines of SQL say a type of a million million. DataFusion goes over the whole type of each column while it makes a plan;
//! so `sizes`, which looks at plans, would come too late.
//!
//! These are the functions whose result has the members of several arguments. Each is what it was, but refuses to make a type
//! that is too large; when plans are optimized, it is replaced by what it was.

use super::sizes;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::functions::core::planner::CoreFunctionPlanner;
use datafusion::functions_nested::planner::NestedFunctionPlanner;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawDictionaryExpr};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};
use datafusion::{functions, functions_nested};
use std::sync::Arc;

/// The functions by their names, in place of DataFusion's.
pub(super) fn functions() -> impl Iterator<Item = ScalarUDF> {
    let all = [
        functions::core::r#struct(),
        functions::core::named_struct(),
        functions_nested::map::map_udf(),
        functions_nested::arrays_zip::arrays_zip_udf(),
    ];
    all.into_iter().map(bounded)
}

/// What SQL has words of its own for: `struct(…)`, `{a: …}`, `MAP {…}`. It is to be asked before DataFusion's own planners.
#[derive(Debug, Default)]
pub(super) struct Words;

impl ExprPlanner for Words {
    fn plan_dictionary_literal(
        &self,
        expr: RawDictionaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawDictionaryExpr>> {
        let planner = CoreFunctionPlanner::default();
        planner
            .plan_dictionary_literal(expr, schema)
            .map(bounded_call)
    }

    fn plan_struct_literal(
        &self,
        args: Vec<Expr>,
        is_named_struct: bool,
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let planner = CoreFunctionPlanner::default();
        planner
            .plan_struct_literal(args, is_named_struct)
            .map(bounded_call)
    }

    fn plan_make_map(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        NestedFunctionPlanner.plan_make_map(args).map(bounded_call)
    }
}

fn bounded_call<T>(planned: PlannerResult<T>) -> PlannerResult<T> {
    match planned {
        PlannerResult::Planned(Expr::ScalarFunction(call)) => {
            let function = Arc::new(bounded(call.func));
            let call = ScalarFunction::new_udf(function, call.args);
            PlannerResult::Planned(Expr::ScalarFunction(call))
        }
        other => other,
    }
}

fn bounded(function: Arc<ScalarUDF>) -> ScalarUDF {
    ScalarUDF::new_from_impl(Bounded(function))
}

/// A function whose type is bounded.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded(Arc<ScalarUDF>);

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.0.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = self.0.return_field_from_args(args)?;
        match sizes::check_type(field.data_type()) {
            Ok(()) => Ok(field),
            Err(why) => Err(DataFusionError::Plan(why)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.0.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let call = ScalarFunction::new_udf(Arc::clone(&self.0), args);
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(call)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    /// The answer to a query with these functions, with or without them in DataFusion's place.
    fn ask(sql: &str, ours: bool) -> Result<String> {
        let builder = SessionStateBuilder::new();
        let builder = match ours {
            true => builder.with_expr_planners(vec![Arc::new(Words)]),
            false => builder,
        };
        let context = SessionContext::new_with_state(builder.with_default_features().build());
        if ours {
            functions().for_each(|function| context.register_udf(function));
        }
        let threads = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        let batches = threads.block_on(async { context.sql(sql).await?.collect().await })?;
        Ok(pretty_format_batches(&batches)?.to_string())
    }

    /// What is written of a structure of `x`, and of two of them.
    const MAKES: [&str; 7] = [
        "struct($x, $x)",
        "row($x, $x)",
        "named_struct('a', $x, 'b', $x)",
        "{a: $x, b: $x}",
        "MAP {$x: $x}",
        "map([$x], [$x])",
        "arrays_zip([$x], [$x])",
    ];

    #[test]
    fn types_that_double_are_refused_before_they_take_time() {
        for makes in MAKES {
            let makes = makes.replace("$x", "x");
            let step = |n: usize| format!(", t{n} AS (SELECT {makes} AS x FROM t{})", n - 1);
            let steps: String = (1..40).map(step).collect();
            let refused = ask(&format!("WITH t0 AS (SELECT 1 AS x){steps} SELECT 1"), true);
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("members"), "{makes}: {said}");
        }
    }

    #[test]
    fn what_is_made_is_what_it_was() {
        for makes in MAKES {
            let makes = makes.replace("$x", "x");
            let sql = format!("SELECT {makes}, {makes} AS y FROM (VALUES (1), (2)) AS t(x)");
            assert_eq!(
                ask(&sql, true).unwrap(),
                ask(&sql, false).unwrap(),
                "{makes}"
            );
        }
        // A member of what is made is seen to be what it was made of.
        let plan = "EXPLAIN SELECT {a: x, b: y}['b'] AS z FROM (VALUES (1, 2)) AS t(x, y)";
        assert_eq!(ask(plan, true).unwrap(), ask(plan, false).unwrap());
    }
}
