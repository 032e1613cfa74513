import Checkpoints
import Quantization
import Tensors

/// Units of one layer each, whose weights are rounded as they lie in the files.
final class LayerUnits: UnitSource {
  private let run: Preparation
  private let names: [String]
  /// By layer those whose weights a runtime puts into one, itself among them.
  private var siblings: [String: [String]] = [:]
  /// What is known of the scales of whole weights, by layer.
  private var globalScales: [String: Float] = [:]
  let streams: HiddenStates? = nil

  init(_ run: Preparation) {
    self.run = run
    names = run.unitNames
    for layers in NamedModules.siblings(among: names) {
      for layer in layers { siblings[layer] = layers }
    }
  }

  func unit(_ index: Int, progress: UnitProgress) throws -> TuningUnit {
    let name = names[index]
    func weight(of layer: String) throws -> Tensor {
      try run.copy.source.tensor("\(layer).weight")
    }
    if globalScales[name] == nil {
      let shared = [siblings[name] ?? []]
      globalScales.merge(try run.table.globalScales(sharedBy: shared, weight: weight)) { $1 }
    }
    let layer = try run.table.view(
      of: name, shortName: name, globalScale: globalScales[name], weight: { try weight(of: name) })
    return TuningUnit(
      index: index, name: name, layers: [layer].compactMap(\.self), calibrated: nil,
      progress: progress)
  }
}
