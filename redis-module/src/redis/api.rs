//! Calling a function of the module API.

/// Calls it; it must be one of Redis 7.0.3, or have been asked for with [`has!`].
macro_rules! rm {
    ($name:ident($($arg:expr),* $(,)?)) => {{
        // SAFETY: the function pointers are written once, by Export_RedisModule_Init before anything else runs, and only
        // read later. The arguments are made of pointers that Redis gave to the callback we are in; the wrapper types
        // of this folder keep them from outliving it.
        #[allow(unused_unsafe)]
        unsafe {
            match redis_module::raw::$name {
                Some(function) => function($($arg),*),
                None => unreachable!(concat!(stringify!($name), " is checked for at load")),
            }
        }
    }};
}

/// Whether this server has a function.
macro_rules! has {
    ($name:ident) => {{
        // SAFETY: as in `rm!`: written once before, only read now.
        let function = unsafe { redis_module::raw::$name };
        function.is_some()
    }};
}

pub(crate) use {has, rm};
