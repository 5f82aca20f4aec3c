//! Rotas
