/// Why a linear layer keeps its weight unless it is asked for by its full name: an error in it does more harm than its
/// few bytes are worth.
package enum Exclusion: String, Hashable, Sendable, CaseIterable {
  /// Chooses the experts of a token.
  case router
  /// Weighs the shared expert of a token.
  case sharedExpertGate
  /// Decays, steps and gates of linear attention.
  case smallProjection
  /// Chooses the keys that attention reads.
  case indexer
  /// Brings the residual stream and the inputs of each layer together.
  case perLayerProjection

  /// What a plan says of such a layer.
  package var reason: String {
    switch self {
    case .router: "it chooses experts; an error there sends tokens to others"
    case .sharedExpertGate: "it is the gate of a shared expert, a row"
    case .smallProjection: "it is a small projection of linear attention"
    case .indexer: "it chooses the keys that attention reads"
    case .perLayerProjection: "it is a small projection of the inputs of each layer"
    }
  }
}
