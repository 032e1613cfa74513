import JSONText
import LanguageModels
import ModelFamilies

/// Checkpoints of MLX.
extension VerificationReport {
  mutating func checkRows(
    _ configuration: JSONValue, _ stored: [String: StoredTensor], original: SourceTensors?,
    reach: TuningReach
  ) {
    guard let description = RowDescription(configuration, &self) else { return }
    let before = findings.count
    let rows = RowTensors(stored)
    let tensors = rows.tensors
    var layers: [String: [Int]] = [:]
    var quantized: [String: (shape: [Int], scheme: LayerScheme)] = [:]
    for (module, parts) in StoredTensors.byModule(tensors).sorted(by: { $0.key < $1.key }) {
      guard let weight = parts["weight"] else {
        if parts["scales"] != nil { add(.damage, "\(module).weight", "is missing") }
        continue
      }
      guard parts["scales"] != nil || parts["biases"] != nil || weight.dtype == "U32" else {
        if weight.shape.count == 2, !Self.isTable(module) { layers[module] = weight.shape }
        continue
      }
      quantizedLayerCount += 1
      let place = rows.stacks[module] ?? module
      guard let scheme = description.scheme(of: place) else {
        add(.contract, "config.json: quantization.\(place)", "is false, and the module has scales")
        continue
      }
      guard let shape = sizes(of: weight, scheme),
        let checked = LayerCheck(module: module, scheme: scheme, tensors: parts, size: shape)
          .run(&self)
      else { continue }
      layers[module] = checked
      quantized[module] = (checked, scheme)
    }
    let named = Set(quantized.keys.map { rows.stacks[$0] ?? $0 })
    for module in description.named where layers[module] != nil && !named.contains(module) {
      add(
        .contract, "config.json: quantization.\(module)",
        "says how the module is quantized, which has no scales")
    }
    let model = describe(configuration, tensors)
    checkBlocks(configuration, model, layers.keys)
    ModelTensors(
      model: model, tensors: tensors, layers: layers, quantized: Set(quantized.keys),
      description: nil
    ).run(&self)
    tensorParallelSizes = [1]
    let reasons = findings[before...].filter { $0.kind == .contract }
    runtimes = [
      RuntimeSupport(
        name: "mlx-lm", isLoading: reasons.isEmpty,
        remark: reasons.first.map { "\($0.place) \($0.message)" }
          ?? "where it has a class for \(configuration["model_type"]?.stringValue ?? "the model")")
    ]
    guard let original else { return }
    SourceLedger(
      configuration, source: original, tensors: tensors, quantized: quantized, reach: reach
    ).run(&self)
  }

  /// Rows and columns of the weight that words hold.
  private mutating func sizes(of weight: StoredTensor, _ scheme: LayerScheme) -> [Int]? {
    guard weight.dtype == "U32", weight.shape.count == 2, weight.shape.allSatisfy({ $0 > 0 }) else {
      add(.damage, weight.name, "is \(weight.kind), expected U32 with rows and columns")
      return nil
    }
    let size = scheme.groupSize ?? 1
    guard let shape = scheme.format.elements.size(of: weight.shape, scheme), shape[1] % size == 0
    else {
      add(
        .damage, weight.name,
        "has \(weight.shape[1]) words in a row, which are no whole groups of \(size) integers of \(scheme.bitCount) bits"
      )
      return nil
    }
    return shape
  }
}
