//! The WebSocket proxy.
