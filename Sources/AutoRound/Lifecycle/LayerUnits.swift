import Checkpoints
import Quantization

/// Units of one layer each, whose weights are rounded as they lie in the files.
struct LayerUnits: UnitSource {
  private let checkpoint: Checkpoint
  private let table: SchemeTable
  private let names: [String]
  private let globalScales: [String: Float]
  let streams: HiddenStates? = nil

  init(_ preparation: Preparation) throws {
    checkpoint = preparation.survey.checkpoint
    table = preparation.table
    names = preparation.unitNames
    globalScales = try table.globalScales(
      sharedBy: NamedModules.siblings(among: table.layers.keys)
    ) { [checkpoint] in try checkpoint.tensor("\($0).weight") }
  }

  func unit(_ index: Int, progress: UnitProgress) throws -> TuningUnit {
    let name = names[index]
    var layers: [LayerView] = []
    if let scheme = table[name], let arguments = scheme.weights {
      layers = [
        try LayerView(
          name: name, shortName: name, weight: checkpoint.tensor("\(name).weight"), scheme: scheme,
          arguments: arguments, globalScale: globalScales[name])
      ]
    }
    return TuningUnit(
      index: index, name: name, layers: layers, calibrated: nil, progress: progress)
  }
}
