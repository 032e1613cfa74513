package import Checkpoints
package import Diagnostics
package import Execution
import Foundation
package import JSONText
package import LanguageModels
package import Quantization
package import QuantizedCheckpoints
package import Recipes
package import Tensors
import Verification

/// What the quantized copy of a checkpoint holds: every tensor of the source, quantized or as it was.
package struct QuantizedCopy {
  private let checkpoint: Checkpoint
  /// How its tensors are spread over files.
  package let plan: CheckpointPlan
  /// What it is made of, each quantized layer being a tensor.
  package let source: LayeredCheckpoint
  /// The format that was asked for.
  package let format: OutputFormat
  /// How it is stored.
  package let family: any CheckpointFamily
  /// The folder in the output that holds it beside copies in other formats; nil for the output itself.
  package let folder: String?
  private let schemes: [String: QuantizationScheme]
  private let outline: CheckpointOutline
  /// Its tensors by their names.
  private let infos: [String: TensorInfo]
  /// Bytes of the source's tensors.
  package let sourceByteCount: Int
  /// Stored bits for each weight of the quantized layers, scales and zero points included.
  package let bitsPerWeight: Double
  /// All linear layers that stay as they are.
  package let kept: [String]
  /// Those of them that are none of the model's modules.
  package let strays: [ModuleDescription]

  /// Every tensor of the copy, known before any is computed.
  package var tensors: [TensorInfo] { outline.tensors }
  /// The source's configuration with the schemes of the quantized layers.
  package var configuration: JSONValue { outline.configuration }

  /// - Parameter style: How the copy is stored, and where.
  package init(
    of source: SourceModel, schemes: [String: QuantizationScheme],
    keyValueScheme: QuantizationArguments? = nil, style: CopyStyle = CopyStyle()
  ) throws {
    let withScales = keyValueScheme == nil ? [] : source.description.blocks
    let scales = withScales.flatMap { placed in
      let type = source.scaleDType(ofBlock: placed)
      return placed.block.attentionModules.map { (module: "\(placed.name).\($0)", dtype: type) }
    }
    let head = source.description.headModule
    // Transformers calls every head so, whatever its tensor is called.
    let loaded =
      head == "lm_head" || schemes[head] != nil
      ? [] : [ModuleDescription(name: "lm_head", shape: [])]
    try self.init(
      of: source.checkpoint, modules: source.description.modules + loaded,
      layers: source.description.layerTensors(in: source.checkpoint),
      names: source.description.names, schemes: schemes,
      keyValues: keyValueScheme.map { ($0, scales) }, style: style)
  }

  /// - Parameters:
  ///   - modules: The modules that the configuration speaks of.
  ///   - layers: Where the files have linear layers that are not tensors of their own.
  ///   - names: What loads the copy calls modules, where it is something else.
  ///   - keyValues: Nil where keys and values stay as they are.
  ///   - style: How the copy is stored, and where.
  package init(
    of checkpoint: Checkpoint, modules: [ModuleDescription], layers: [LayerTensor],
    names: ModuleNames? = nil, schemes: [String: QuantizationScheme],
    keyValues: KeyValueOutline? = nil,
    style: CopyStyle = CopyStyle()
  ) throws {
    let family = try style.format.family(of: schemes)
    (format, folder) = (style.format, style.folder)
    try checkpoint.requireNoLeftovers(beside: schemes.keys)
    (self.checkpoint, self.family, self.schemes) = (checkpoint, family, schemes)
    let source = try LayeredCheckpoint(checkpoint, layers: layers) { schemes[$0]?.weights != nil }
    self.source = source
    // Matrices of the source that belong to none of the modules: readers take them for linear layers.
    let linear = modules.filter(\.isLinear).map(\.name)
    let known = Set(linear)
    var strays: [ModuleDescription] = []
    var weights = 0
    for info in source.tensors {
      guard let module = ModuleDescription.name(ofWeight: info.name) else { continue }
      if schemes[module]?.weights != nil {
        weights += info.count
      } else if info.shape.count == 2, !known.contains(module), !VerificationReport.isTable(module)
      {
        strays.append(ModuleDescription(name: module, shape: info.shape))
      }
    }
    (kept, self.strays) = (linear.filter { schemes[$0] == nil } + strays.map(\.name), strays)
    sourceByteCount = checkpoint.byteCount
    outline = try family.outline(
      of: checkpoint.configuration, tensors: source.tensors,
      modules: (modules + strays).map { module in
        var module = module
        module.loadedNames = ModuleNames.loadedNames(of: module.name, in: names)
        return module
      }, schemes: schemes, keyValues: keyValues)
    bitsPerWeight = weights > 0 ? Double(8 * outline.weightByteCount) / Double(weights) : 0
    var infos: [String: TensorInfo] = [:]
    for tensor in outline.tensors where infos.updateValue(tensor, forKey: tensor.name) != nil {
      throw InputError(
        .malformed, source: checkpoint.folder.path(percentEncoded: false),
        place: "tensor \(quoted(tensor.name))",
        "is in the source, and a quantized layer is to have a tensor of this name; the source seems to be "
          + "quantized already, expected one in full precision")
    }
    self.infos = infos
    plan = try CheckpointPlan(
      outline.tensors, fileFormat: outline.fileFormat,
      shardByteCountLimit: style.shardByteCountLimit)
  }

  /// The files besides those of tensors, with their sizes.
  package func otherFiles(recipe: Recipe) -> [(name: String, byteCount: Int)] {
    documents(recipe).map { ($0.name, $0.text.utf8.count) }
      + copiedFiles.flatMap(Checkpoint.copies).map { ($0.name, $0.byteCount) }
  }

  private func documents(_ recipe: Recipe) -> [(name: String, text: String)] {
    outline.documents + [("recipe.yaml", recipe.yaml)]
  }

  private var copiedFiles: [URL] {
    checkpoint.otherFiles.filter { $0.lastPathComponent != "recipe.yaml" }
  }

  /// A scale of activations as its tensor.
  package func tensor(ofScale scale: Float, named name: String) -> Tensor {
    guard let info = infos[family.place(of: name).tensor] else {
      preconditionFailure("\(name) was not planned")
    }
    return Tensor([scale], shape: [1]).converted(to: info.dtype)
  }

  /// The weight of a quantized layer as its tensors.
  package func tensors(
    for weight: QuantizedWeight, of layer: String
  ) throws(InputError) -> [(name: String, tensor: Tensor)] {
    guard let scheme = schemes[layer] else { preconditionFailure("\(layer) has no scheme") }
    let encoding = try family.encoding(of: scheme)
    try encoding.requireHolds(weight, name: layer)
    return encoding.tensors(for: weight, name: layer)
  }

  /// Writes everything but the quantized layers: the other tensors, the configuration, the files that
  /// belong to the model, and the recipe.
  package func writeTheRest(to writer: CheckpointWriter, recipe: Recipe) throws {
    for copy in outline.copies {
      try source.forEachPart(of: copy.source) { member, tensor in
        try writer.write(
          tensor, at: member.map { TensorPlace(tensor: copy.place.tensor, index: $0) } ?? copy.place
        )
      }
    }
    for file in copiedFiles { try writer.copyFile(file) }
    for document in documents(recipe) { try writer.write(document.text, toFile: document.name) }
  }
}
