//! What octets go through: a socket, or TLS over it.

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream whose kind changes with STLS.
pub(crate) type Transport = Box<dyn Stream>;
