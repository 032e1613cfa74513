/// Why a linear layer keeps its weight unless it is asked for by its full name: an error in it does more harm than its
/// few bytes are worth.
package enum Exclusion: Hashable, Sendable {
  /// Chooses the keys that a query sees.
  case indexer
  /// Makes what all experts of a block read, or the tokens' channels of what they answer.
  case latent
  /// Chooses the experts of a token.
  case router
  /// Says how much the shared expert counts.
  case sharedGate
  /// Decays, steps and gates of linear attention.
  case smallProjection

  /// What a plan says of such a layer.
  package var reason: String {
    switch self {
    case .indexer: "it chooses the keys that a query sees, and no loss says how well"
    case .latent: "all experts of a block read or answer through it"
    case .router: "it chooses experts; an error there sends tokens to others"
    case .sharedGate: "it is one row, which says how much the shared expert counts"
    case .smallProjection: "it is a small projection of linear attention"
    }
  }
}
