import JSONText

/// How many devices can share a model evenly (tensor parallelism).
struct DeviceSharing {
  /// Of the model, or of the part of it that reads text.
  let configuration: JSONValue
  /// Every linear layer with its rows and columns and, if it is quantized, its scheme.
  let layers: [String: (shape: [Int], scheme: LayerScheme?)]

  /// All numbers of devices up to 64; one device needs to share nothing.
  var counts: [Int] { [1] + (2...64).filter(divides) }

  /// Whether `count` devices share all layers evenly: heads, and whole groups and blocks of what is
  /// split. Devices in excess of the key-value heads have copies of them.
  private func divides(_ count: Int) -> Bool {
    if let heads = configuration["num_attention_heads"]?.intValue, heads % count != 0 {
      return false
    }
    // vLLM makes the vocabulary a multiple of 64 before it shares it out.
    if let rows = configuration["vocab_size"]?.intValue, (1...1 << 40).contains(rows),
      (rows + 63) / 64 * 64 % count != 0
    {
      return false
    }
    var hasCopies = false
    if let heads = configuration["num_key_value_heads"]?.intValue, heads > 0, heads % count != 0 {
      guard count % heads == 0 else { return false }
      hasCopies = true
    }
    func isSplit(_ extent: Int, _ unit: Int?) -> Bool {
      let (whole, overflows) = max(unit ?? 1, 1).multipliedReportingOverflow(by: count)
      return !overflows && extent % whole == 0
    }
    return layers.allSatisfy { name, layer in
      let scheme = layer.scheme
      let block = scheme?.strategy == "block" && count > 1 ? scheme?.block : nil
      // What is packed is split between words.
      let word =
        count > 1 ? scheme.flatMap { $0.format.elements.elementsInWholeWords(of: $0) } : nil
      if name.hasSuffix("o_proj") || name.hasSuffix("down_proj") {
        let group = scheme?.strategy.hasSuffix("group") == true ? scheme?.groupSize : nil
        return isSplit(layer.shape[1], block?.last ?? group) && isSplit(layer.shape[1], word)
      }
      if hasCopies, name.hasSuffix("k_proj") || name.hasSuffix("v_proj") { return true }
      // The rows of the head are padded.
      if name.hasSuffix("lm_head") { return true }
      // By columns, zero points are stored of symmetric integers too.
      let hasPackedZeros =
        scheme?.format.columns != nil
        || scheme?.isSymmetric == false && scheme?.strategy != "tensor"
      return isSplit(layer.shape[0], block?.first)
        && isSplit(layer.shape[0], hasPackedZeros ? word : nil)
    }
  }
}
