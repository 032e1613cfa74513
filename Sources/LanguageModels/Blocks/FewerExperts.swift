import Recordings

extension ResidualBlock {
  /// The same block with the first of its experts alone: as much work for each token with fewer weights, to measure how
  /// long that takes. What corrects choices is left out.
  ///
  /// - Parameters:
  ///   - weightLimit: The layers have no more weights than that, if so few experts suffice.
  ///   - least: Experts that stay, and no fewer than a token chooses.
  package func withFewerExperts(weightLimit: Int, least: Int) -> ResidualBlock {
    guard let mixture = allExperts.first?.experts, let expert = mixture.experts.first else {
      return self
    }
    func weights(_ layers: [LayerSlot]) -> Int { layers.reduce(0) { $0 + $1.outputs * $1.inputs } }
    let (all, own) = (weights(linearLayers), weights(expert.inputs + [expert.down]))
    let least = max(least, mixture.routing.perToken)
    var count = mixture.experts.count
    while all - (mixture.experts.count - count) * own > weightLimit, count / 2 >= least {
      count /= 2
    }
    guard count < mixture.experts.count else { return self }
    var block = self
    block.stages = stages.map { $0.map { $0.keepingExperts(count) } }
    return block
  }
}

extension Sublayer {
  fileprivate func keepingExperts(_ count: Int) -> Sublayer {
    var part = self
    switch mixer {
    case .experts(let experts): part.mixer = .experts(experts.keeping(count))
    case .sum(let parts): part.mixer = .sum(parts.map { $0.keepingExperts(count) })
    default: break
    }
    return part
  }
}

extension Experts {
  fileprivate func keeping(_ count: Int) -> Experts {
    var mixture = self
    mixture.experts = Array(experts.prefix(count))
    mixture.router.weight.steps.append(.rows(from: 0, of: router.outputs))
    mixture.router.outputs = count
    mixture.router.bias = nil
    mixture.routing.experts = count
    (mixture.routing.groups, mixture.correction, mixture.factors) = (nil, nil, nil)
    return mixture
  }
}
