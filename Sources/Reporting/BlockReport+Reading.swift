package import JSONText

extension BlockReport {
  /// Reads what ``json`` gives.
  package init(_ reader: JSONReader) throws {
    self.init(
      index: try reader.required("index").int(in: 0...1 << 20),
      name: try reader.required("name").string(),
      layers: try reader.required("layers").elements().map { try $0.string() },
      initialLoss: try reader.required("initial_loss").double(),
      bestLoss: try reader.required("best_loss").double(),
      bestIteration: try reader.required("best_iteration").int(in: 0...1 << 30),
      finalLoss: try reader.required("final_loss").double(),
      rtnLoss: try reader.required("rtn_loss").double(),
      lossShareOfFew: try reader.required("loss_share_of_few").double(),
      seconds: try reader.required("seconds").double(),
      losses: try reader.optional("losses")?.elements().map { try $0.double() } ?? [])
    experts = try reader.optional("experts").map { try ExpertCoverage($0) }
    portions = try reader.optional("portions")?.elements().map { try PortionReport($0) } ?? []
    layerReports = try [LayerReport](reader, names: layers)
  }
}
