//! What an executor answers, watched: an answer during which a thread panicked ends as a failure, whatever it had become.
//! See [`super::panics`].

use super::panics;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::body::Body as Answer;
use tower::{Layer, Service};

/// Watches the answers of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watching;

/// A service whose answers are watched.
#[derive(Debug, Clone)]
pub(super) struct Watched<S>(S);

impl<S> Layer<S> for Watching {
    type Service = Watched<S>;

    fn layer(&self, service: S) -> Watched<S> {
        Watched(service)
    }
}

impl<S, Asked> Service<http::Request<Asked>> for Watched<S>
where
    S: Service<http::Request<Asked>, Response = http::Response<Answer>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Answer>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, asked: http::Request<Asked>) -> Self::Future {
        let before = panics::count();
        let answer = self.0.call(asked);
        Box::pin(async move {
            let watched = |answer| Answer::new(Rows { answer, before });
            answer.await.map(|answer| answer.map(watched))
        })
    }
}

/// An answer, and how many panics there were before it.
struct Rows {
    answer: Answer,
    before: u64,
}

impl Body for Rows {
    type Data = <Answer as Body>::Data;
    type Error = <Answer as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.answer).poll_frame(context);
        let ends = match &frame {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Ready(None) => true,
            _ => false,
        };
        if !ends || panics::count() == self.before {
            return frame;
        }
        // Said once.
        self.before = panics::count();
        Poll::Ready(Some(Ok(Frame::trailers(failure()))))
    }
}

/// The end of an answer that failed, as gRPC has it: status 13 is `INTERNAL`.
fn failure() -> HeaderMap {
    let mut end = HeaderMap::new();
    end.insert("grpc-status", HeaderValue::from_static("13"));
    let what = "a thread of an executor panicked; its words are on the executor's stderr";
    end.insert("grpc-message", HeaderValue::from_static(what));
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn last(mut rows: Rows) -> Option<String> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match Pin::new(&mut rows).poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => {
                let end = frame.into_trailers().ok()?;
                Some(end["grpc-status"].to_str().unwrap().to_owned())
            }
            _ => None,
        }
    }

    #[test]
    fn an_answer_during_which_a_thread_panicked_is_a_failure() {
        panics::watch();
        let before = panics::count();
        let rows = |before| Rows {
            answer: Answer::empty(),
            before,
        };
        assert!(catch_unwind(|| panic!("a test")).is_err());
        assert_eq!(last(rows(before)).as_deref(), Some("13"));
        // Other tests may panic meanwhile, and are told of then; a count that is not reached is of none.
        assert_eq!(last(rows(panics::count())), None);
    }
}
