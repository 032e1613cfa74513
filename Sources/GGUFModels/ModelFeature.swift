import LanguageModels
import Recordings

/// What a model may compute otherwise than Llama does, and a runtime must know of. A model with a feature that its
/// architecture there does not have would give other numbers than it should.
enum ModelFeature: Hashable, Sendable, CustomStringConvertible {
  /// Scores with another scale than heads of their size have.
  case scoreScale
  case scoreCap
  case logitFactor
  case logitCap
  case embeddingFactor
  /// The root of the width as the factor on embeddings.
  case embeddingRoot
  case residualFactor
  case sinks
  case gatedQueries
  case chunks
  case queryGrowth
  /// Blocks that know no positions.
  case unrotatedBlocks
  /// Blocks without experts before all that have some.
  case leadingDenseBlocks
  /// Blocks without experts behind one that has some.
  case scatteredDenseBlocks
  case unnormalizedExperts
  case normalizedExperts
  case sigmoidExperts
  case expertGroups
  case expertFactor
  /// Groups of experts that count as much as their best one.
  case bestOfGroups
  case normsAfterRotation
  case headSlopes
  /// Queries, keys and values within bounds.
  case boundedProjections
  case positionTable
  case embeddingNorm
  case parallelSublayers
  case otherFunction(ElementFunction)

  var description: String {
    switch self {
    case .scoreScale: "a scale of scores of its own"
    case .scoreCap: "bounded scores"
    case .logitFactor: "a factor on logits"
    case .logitCap: "bounded logits"
    case .embeddingFactor: "a factor on embeddings"
    case .embeddingRoot: "embeddings times the root of their width"
    case .residualFactor: "a factor on what sublayers answer"
    case .sinks: "sinks"
    case .gatedQueries: "gated attention"
    case .chunks: "attention in chunks"
    case .queryGrowth: "queries that grow with their position"
    case .unrotatedBlocks: "blocks that know no positions"
    case .leadingDenseBlocks: "blocks without experts before those with experts"
    case .scatteredDenseBlocks: "blocks without experts between those with experts"
    case .unnormalizedExperts: "experts whose weights are not normalized"
    case .normalizedExperts: "experts whose weights are normalized"
    case .sigmoidExperts: "experts chosen by sigmoids"
    case .expertGroups: "experts in groups"
    case .bestOfGroups: "groups of experts that are as good as their best one"
    case .expertFactor: "a factor on what experts answer"
    case .normsAfterRotation: "norms behind the rotation"
    case .headSlopes: "a slope for each head"
    case .boundedProjections: "bounded queries, keys and values"
    case .positionTable: "learned positions"
    case .embeddingNorm: "a norm of the embedding"
    case .parallelSublayers: "sublayers beside each other"
    case .otherFunction(let function): "the function \(function) in feed-forward parts"
    }
  }
}

extension ModelFacts {
  /// The features of this model.
  ///
  /// - Parameter function: The one that the architecture has in its feed-forward parts.
  func features(besides function: ElementFunction) -> [ModelFeature] {
    let root = Float(model.hiddenSize).squareRoot()
    let shapes = shapes.compactMap(\.self)
    func has(_ isSo: (AttentionShape) -> Bool) -> Bool { shapes.contains(where: isSo) }
    let routing = routing
    let isChosenByFew = routing?.score == .softmaxOfChosen
    let checks: [(ModelFeature, Bool)] = [
      (.scoreScale, has { !Self.isClose($0.scale, 1 / Float($0.headSize).squareRoot()) }),
      (.scoreCap, has { $0.cap != nil }),
      (.sinks, has(\.hasSinks)),
      (.chunks, has { if case .chunk = $0.visible { true } else { false } }),
      (.gatedQueries, attention?.arrangement == .gatedQueries),
      (.normsAfterRotation, attention?.normsAfterRotation ?? false),
      (.boundedProjections, attention?.bound != nil),
      (.headSlopes, has { !$0.slopes.isEmpty }),
      (.positionTable, model.front.positions != nil), (.embeddingNorm, model.front.norm != nil),
      (.parallelSublayers, isParallel),
      (.queryGrowth, rotary?.growth != nil),
      (
        .unrotatedBlocks,
        model.front.positions == nil
          && zip(self.shapes, rotaries).contains { $0?.slopes.isEmpty == true && $1 == nil }
      ),
      (.logitFactor, model.end.factor != 1), (.logitCap, model.end.cap != nil),
      (.embeddingRoot, Self.isClose(model.front.factor, root) && model.front.factor != 1),
      (.embeddingFactor, !Self.isClose(model.front.factor, root) && model.front.factor != 1),
      (.residualFactor, residualFactor != 1),
      (.leadingDenseBlocks, routing != nil && leadingDenseBlocks > 0),
      (.scatteredDenseBlocks, experts.dropFirst(leadingDenseBlocks).contains { $0 == nil }),
      (.normalizedExperts, routing.map { $0.normalization != nil || isChosenByFew } ?? false),
      (.unnormalizedExperts, routing.map { $0.normalization == nil && !isChosenByFew } ?? false),
      (.sigmoidExperts, routing?.score == .sigmoid),
      (.expertGroups, routing?.groups != nil),
      (.bestOfGroups, routing?.groups?.summed == 1),
      (.expertFactor, routing.map { $0.factor != 1 } ?? false),
    ]
    let others = functions.filter { $0 != function }.map(ModelFeature.otherFunction)
    return checks.filter(\.1).map(\.0) + others
  }

  private static func isClose(_ a: Float, _ b: Float) -> Bool { abs(a - b) <= 1e-4 * abs(b) }

  /// The functions of feed-forward parts and experts.
  private var functions: [ElementFunction] {
    var found: [ElementFunction] = []
    for function in allFunctions where !found.contains(function) { found.append(function) }
    return found
  }
}
