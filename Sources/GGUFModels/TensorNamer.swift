import Checkpoints
import Diagnostics
import GGUF
import LanguageModels
import ModelFamilies
import Recordings
import Tensors

/// Gives the tensors of a model their names in GGUF, and says what becomes of them on the way.
struct TensorNamer {
  private let facts: ModelFacts
  private let architecture: GGUFArchitecture
  private let model: ModelDescription
  /// The number of each block, by its name.
  private let blocks: [String: Int]
  /// Norms whose weights are stored as differences from 1, by their tensors.
  private let shiftedNorms: Set<String>

  init(_ facts: ModelFacts, _ architecture: GGUFArchitecture) throws(InputError) {
    (self.facts, self.architecture, model) = (facts, architecture, facts.model)
    blocks = Dictionary(
      model.blocks.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { $1 })
    shiftedNorms = facts.shiftedNorms
  }

  /// What a tensor of the source is to the file.
  private enum Place {
    /// - Parameter member: Its number in a stack.
    case tensor(name: String, block: Int?, member: Int?)
    case leftOut
  }

  func outline(
    _ tensors: [TensorInfo]
  ) throws(InputError) -> (tensors: [GGUFTensorOutline], leftOut: [String]) {
    var found: [GGUFTensorOutline] = []
    var positions: [String: Int] = [:]
    var stacks: [String: [(number: Int, source: String)]] = [:]
    var leftOut: [String] = []
    for info in apart(tensors) {
      guard case .tensor(let name, let block, let member) = try place(of: info.name) else {
        leftOut.append(info.name)
        continue
      }
      if let member { stacks[name, default: []].append((member, info.name)) }
      if let position = positions[name] {
        guard member != nil, case .tensors(_, info.shape) = found[position].content else {
          throw InputError(
            .malformed, place: "tensor \(quoted(info.name))",
            "is the second one that would be called \(name), or has another shape than the first")
        }
        continue
      }
      positions[name] = found.count
      found.append(try outline(info, name: name, block: block))
    }
    for (name, members) in stacks {
      guard let position = positions[name] else { continue }
      let sorted = members.sorted { $0.number < $1.number }
      let (count, kind) = stack(name)
      guard sorted.map(\.number) == Array(0..<count) else {
        throw InputError(
          .malformed, place: "tensor \(quoted(sorted[0].source))",
          "found \(counted(sorted.count, kind)) of \(name), expected \(count)")
      }
      let shape = found[position].shape
      found[position].content = .tensors(sorted.map(\.source), shape: shape)
      found[position].shape = [count] + shape
    }
    return (found, leftOut)
  }

  /// How many tensors a stack consists of, and what they belong to.
  private func stack(_ name: String) -> (count: Int, kind: String) {
    if name.hasSuffix("attn_q_norm.weight") { return (facts.shape?.headCount ?? 0, "head") }
    if name.hasSuffix("attn_k_norm.weight") { return (facts.shape?.keyValueHeadCount ?? 0, "head") }
    return (facts.routing?.experts ?? 0, "expert")
  }

  /// The tensors with one for each linear layer, wherever its numbers are.
  private func apart(_ tensors: [TensorInfo]) -> [TensorInfo] {
    let shapes = Dictionary(tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { $1 })
    let layers = Architectures.layerTensors(of: model, shapes: shapes).filter { layer in
      !layer.isApart && shapes[layer.stored.tensor] != nil && layer.name != tiedHead
    }
    let split = Dictionary(grouping: layers) { $0.stored.tensor }
    return tensors.flatMap { info in
      guard let parts = split[info.name] else { return [info] }
      return parts.map { TensorInfo(name: $0.name, dtype: info.dtype, shape: $0.shape) }
    }
  }

  private var tiedHead: String? { model.end.isTied ? "\(model.end.head.name).weight" : nil }

  // MARK: Names

  private func place(of tensor: String) throws(InputError) -> Place {
    let end = [".weight", ".bias"].first { tensor.hasSuffix($0) } ?? ""
    let module = String(tensor.dropLast(end.count))
    if !end.isEmpty {
      if module == model.front.name {
        return .tensor(name: "token_embd\(end)", block: nil, member: nil)
      }
      if module == model.front.norm?.name {
        return .tensor(name: "token_embd_norm\(end)", block: nil, member: nil)
      }
      if tensor == model.front.positions?.table.tensor {
        return .tensor(name: "position_embd\(end)", block: nil, member: nil)
      }
      if let name = frontNames[tensor] { return .tensor(name: name, block: nil, member: nil) }
      if module == model.end.head.name {
        guard architecture.hasHead else { return .leftOut }
        return .tensor(name: "output\(end)", block: nil, member: nil)
      }
      if module == model.end.norm?.name {
        return .tensor(name: "\(architecture.finalNorm)\(end)", block: nil, member: nil)
      }
    }
    if let (block, name) = inBlock(tensor) {
      if Self.buffers.contains(name) || name.hasSuffix("rotary_emb.inv_freq") { return .leftOut }
      let (pattern, member) = Self.withoutNumber(name)
      if let found = architecture.name(ofTensor: pattern) {
        return .tensor(name: "blk.\(block).\(found)", block: block, member: member)
      }
    } else if isBesideText(tensor) {
      return .leftOut
    }
    throw InputError(
      .unsupported, place: "tensor \(quoted(tensor))",
      "has no name in llama.cpp's architecture \(architecture.name)")
  }

  /// What follows from a configuration, and older files have nevertheless.
  private static let buffers: Set = [
    "attention.bias", "attention.masked_bias", "attn.bias", "attn.masked_bias",
  ]

  /// What the front makes for each block.
  private var frontNames: [String: String] {
    guard let inputs = model.front.blockInputs else { return [:] }
    var names = [
      inputs.table.tensor: "per_layer_token_embd.weight",
      inputs.projection.weight.tensor: "per_layer_model_proj.weight",
    ]
    for weight in inputs.norm.weights { names[weight.tensor] = "per_layer_proj_norm.weight" }
    return names
  }

  private func inBlock(_ tensor: String) -> (block: Int, name: String)? {
    // The number of a block is the first part of a name that is one.
    let parts = tensor.split(separator: ".", omittingEmptySubsequences: false)
    for count in 1..<max(parts.count, 2) {
      if let block = blocks[parts[..<count].joined(separator: ".")] {
        return (block, parts[count...].joined(separator: "."))
      }
    }
    return nil
  }

  /// What reads other things than text, or ahead: blocks behind the last one of the model among them.
  private func isBesideText(_ tensor: String) -> Bool {
    guard let first = model.blocks.first?.name.split(separator: ".").dropLast() else {
      return false
    }
    let list = first.joined(separator: ".") + "."
    if tensor.hasPrefix(list) { return true }
    if model.names != nil { return true }
    return tensor.hasPrefix("mtp.") || tensor.hasPrefix("model.mtp.")
  }

  /// A name inside a block with a star for the number of its expert or, of norms, its head.
  private static func withoutNumber(_ name: String) -> (pattern: String, number: Int?) {
    var parts = name.split(separator: ".").map(String.init)
    guard let place = parts.firstIndex(where: { $0 == "experts" || $0 == "norms" }),
      place + 1 < parts.count, let number = Int(parts[place + 1])
    else { return (name, nil) }
    parts[place + 1] = "*"
    return (parts.joined(separator: "."), number)
  }

  // MARK: What becomes of tensors

  private func outline(
    _ info: TensorInfo, name: String, block: Int?
  ) throws(InputError) -> GGUFTensorOutline {
    let own = block.map { String(name.dropFirst("blk.\($0).".count)) } ?? name
    // Depthwise convolutions have a dimension of one channel; layers of one output are vectors there.
    var shape = info.shape
    if shape.count == 3, shape[1] == 1 { shape.remove(at: 1) }
    if shape.count == 2, shape[0] == 1 { shape.remove(at: 0) }
    if let scan = facts.stateSpace?.scan {
      if own == "ssm_a" || own == "ssm_d" { shape.append(1) }
      if own == "ssm_norm.weight" { shape = [scan.keyHeadCount, info.count / scan.keyHeadCount] }
    }
    var outline = GGUFTensorOutline(
      name: name, shape: shape, content: .tensors([info.name], shape: info.shape))
    if shiftedNorms.contains(info.name) { outline.function = .plusOne }
    if own == "ssm_a" { outline.function = .negatedExponential }
    (outline.rows, outline.columns) = order(of: own)
    guard outline.rows.fits(rows: shape.first ?? 1),
      outline.columns == .asStored || shape.count == 2 && outline.columns.fits(rows: shape[1])
    else {
      throw InputError(
        .malformed, place: "tensor \(quoted(info.name))",
        "has the shape \(info.shape), which does not consist of whole heads")
    }
    return outline
  }

  /// The order of rows and of columns.
  private func order(of name: String) -> (rows: RowOrder, columns: RowOrder) {
    let module = name.split(separator: ".").first.map(String.init) ?? name
    if architecture.turnsNeighbours, module == "attn_q" || module == "attn_k",
      let size = facts.shape?.headSize
    {
      return (.alternatingHalves(headSize: size), .asStored)
    }
    if architecture.joinsGroups, module == "attn_qkv", facts.attention?.arrangement == .groups,
      let shape = facts.shape, shape.keyValueHeadCount > 0
    {
      let order = RowOrder.joinedGroups(
        groups: shape.keyValueHeadCount, queries: shape.headCount / shape.keyValueHeadCount,
        size: shape.headSize)
      return (order, .asStored)
    }
    guard architecture.spreadsValueHeads, let scan = facts.delta?.scan,
      scan.valueHeadCount != scan.keyHeadCount
    else { return (.asStored, .asStored) }
    func spread(from first: Int, size: Int) -> RowOrder {
      .spreadGroups(
        from: first, groups: scan.keyHeadCount,
        perGroup: scan.valueHeadCount / scan.keyHeadCount, size: size)
    }
    let keys = 2 * scan.keyHeadCount * scan.keySize
    switch module {
    case "attn_qkv", "ssm_conv1d": return (spread(from: keys, size: scan.valueSize), .asStored)
    case "attn_gate": return (spread(from: 0, size: scan.valueSize), .asStored)
    case "ssm_alpha", "ssm_beta", "ssm_a", "ssm_dt": return (spread(from: 0, size: 1), .asStored)
    case "ssm_out": return (.asStored, spread(from: 0, size: scan.valueSize))
    default: return (.asStored, .asStored)
    }
  }
}

extension ModelFacts {
  /// The tensors of norms whose weights are stored as differences from 1.
  var shiftedNorms: Set<String> {
    var names: Set<String> = []
    func add(_ norm: NormSlot?, in block: String) {
      for weight in norm?.weights ?? [] where weight.addend == 1 {
        names.insert(StoredMatrix.fullName(weight.tensor, in: block))
      }
    }
    for (placed, attention) in zip(model.blocks, attentions) {
      add(attention?.queryNorm, in: placed.name)
      add(attention?.keyNorm, in: placed.name)
    }
    for (placed, norms) in zip(model.blocks, normsOfSublayers) {
      for norm in norms { add(norm, in: placed.name) }
    }
    add(model.end.norm, in: "")
    return names
  }
}
