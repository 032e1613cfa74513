internal import CKernels

extension ScanChunk {
  // MARK: What the caller fills and reads

  /// `[tokens, valueSize]`: what the caller fills before ``backward(from:_:)``.
  package var outputGradients: UnsafeMutablePointer<Float> { floats(layout.dOutputs) }
  /// `[tokens, valueSize]`: the gradient of the values, after it.
  package var valueGradients: UnsafeMutablePointer<Float> { floats(layout.dErrors) }
  /// Those of the exponents, and of the rates.
  package var exponentGradients: UnsafeMutablePointer<Float> { floats(layout.dExponents) }
  package var rateGradients: UnsafeMutablePointer<Float> { floats(layout.dRates) }
  /// `[tokens, keySize]`: those of queries and keys, summed over the heads of values since
  /// ``beginBackward()``.
  package var queryGradients: UnsafeMutablePointer<Float> { floats(layout.dQueries) }
  package var keyGradients: UnsafeMutablePointer<Float> { floats(layout.dKeys) }

  /// ``begin()``, and what the backward passes of all heads share.
  package func beginBackward() {
    begin()
    let (n, d) = (tokens, sizes.keySize)
    if !sizes.decaysByChannel {
      ck_panels(rows(keys, d), nil, n, d, floats(layout.keyPanels))
      ck_panels(rows(queries, d), nil, n, d, floats(layout.queryPanels))
    }
    queryGradients.update(repeating: 0, count: n * d)
    keyGradients.update(repeating: 0, count: n * d)
  }

  /// Computes the gradients of a head from those of its outputs, and of the gradient of the state after the chunk that
  /// of the state before it, in place.
  ///
  /// With dS' that of the state after, and `<` the part below the diagonal, `<=` with it:
  ///
  ///     dE = P^T dO + e^(G[last] - G) K dS',   (1 + A)^T dR = dE,   Y = D o (dO E^T) <=,   N = -beta (D o dR E^T) <
  ///     dV = beta dR,   dQ = e^G dO S^T + Y K,   dS = e^G[last] dS' + Q^T e^G dO - K^T beta e^G dR
  ///     dK = (N K - beta e^G dR S^T) + (Y^T Q + N^T K + e^(G[last] - G) E dS'^T)
  ///
  /// Exponents are G alone where the state before is read, differences of two G in the squares, and G[last] less G in
  /// what is added to the state; each term is linear in what a power stands before, so that vector times gradient is the
  /// derivative. Pairs of tokens give as much to one G as they take from another. Their sums are f64: where decays are
  /// strong, next to nothing is left of them.
  ///
  /// - Parameter state: The state before the chunk.
  package func backward(
    from state: UnsafePointer<Float>, _ dState: UnsafeMutablePointer<Float>
  ) {
    guard !sizes.decaysByChannel else { return backwardByTokens(from: state, dState) }
    let errors = prepare(state)
    gradientOfErrors(dState)
    let (dMixing, dCorrection) = gradientsOfScores(errors)
    gradientsOfKeys(state, dState, errors, dMixing, dCorrection)
    gradientOfState(dState)
    scaleValueGradients()
  }

  private func backwardByTokens(
    from state: UnsafePointer<Float>, _ dState: UnsafeMutablePointer<Float>
  ) {
    let gradients = ck_scan_gradients(
      outputs: outputGradients, queries: queryGradients, keys: keyGradients,
      values: valueGradients, exponents: exponentGradients, rates: rateGradients)
    withScan { scan in
      withUnsafePointer(to: gradients) {
        ck_scan_backward(scan, state, $0, dState, floats(layout.scratch))
      }
    }
  }

  /// dR, in place of the values' gradients. Without corrections it is dE, and A is 0.
  private func gradientOfErrors(_ dState: UnsafePointer<Float>) {
    let (n, d, v) = (tokens, sizes.keySize, sizes.valueSize)
    let (dErrors, rests) = (valueGradients, floats(layout.rests))
    ck_product(
      CK_WHOLE, n, v, d, rows(keys, d), panels(rows(dState, v), d, v), dErrors, false)
    ck_scaled_rows(dErrors, rests, dErrors, n, v)
    ck_product(
      CK_UPPER_LEFT, n, v, n, columns(floats(layout.mixing), n),
      panels(rows(outputGradients, v), n, v), dErrors, true)
    if sizes.corrects { ck_solve_transposed(floats(layout.correction), dErrors, n, v) }
  }

  /// Y and N, and the gradients of the rates.
  private func gradientsOfScores(
    _ errors: UnsafePointer<Float>
  ) -> (mixing: UnsafeMutablePointer<Float>, correction: UnsafeMutablePointer<Float>) {
    let (n, v) = (tokens, sizes.valueSize)
    let (dMixing, dCorrection) = (floats(layout.dMixing), floats(layout.dCorrection))
    let (decays, weights) = (floats(layout.decays), floats(layout.weights))
    let panels = panels(columns(errors, v), v, n)
    ck_product(
      CK_LOWER_RESULT, n, n, v, rows(outputGradients, v), panels, dMixing, false)
    ck_lower(decays, dMixing, nil, false, dMixing, n)
    guard sizes.corrects else { return (dMixing, dCorrection) }
    ck_product(
      CK_LOWER_RESULT, n, n, v, rows(valueGradients, v), panels, dCorrection, false)
    ck_lower(decays, dCorrection, nil, true, dCorrection, n)
    ck_row_dots(dCorrection, floats(layout.keyScores), weights, n, n)
    ck_row_dots(valueGradients, values, rateGradients, n, v)
    for token in 0..<n {
      rateGradients[token] -= weights[token]
      weights[token] = -rates[token]
    }
    ck_scaled_rows(dCorrection, weights, dCorrection, n, n)
    return (dMixing, dCorrection)
  }

  private func gradientsOfKeys(
    _ state: UnsafePointer<Float>, _ dState: UnsafePointer<Float>, _ errors: UnsafePointer<Float>,
    _ dMixing: UnsafePointer<Float>, _ dCorrection: UnsafePointer<Float>
  ) {
    let (n, d, v) = (tokens, sizes.keySize, sizes.valueSize)
    let (dQuery, dRow, dColumn) = (
      floats(layout.dQuery), floats(layout.dKeyRow), floats(layout.dKeyColumn)
    )
    let (powers, weights, dots) = (
      floats(layout.powers), floats(layout.weights), floats(layout.dots)
    )
    let (keyPanels, queryPanels) = (floats(layout.keyPanels), floats(layout.queryPanels))

    let sums = (memory + layout.dSums).assumingMemoryBound(to: Double.self)
    sums.update(repeating: 0, count: n)
    func add(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) {
      ck_row_dots(x, y, dots, n, d)
      for token in 0..<n { sums[token] += Double(dots[token]) }
    }

    let turned = panels(columns(state, v), v, d)
    ck_product(CK_WHOLE, n, d, v, rows(outputGradients, v), turned, dQuery, false)
    ck_scaled_rows(dQuery, powers, dQuery, n, d)
    add(queries, dQuery)
    ck_pair_sums(dMixing, floats(layout.queryScores), sums, n)
    ck_product(CK_LOWER_LEFT, n, d, n, rows(dMixing, n), keyPanels, dQuery, true)
    if sizes.corrects {
      ck_product(CK_WHOLE, n, d, v, rows(valueGradients, v), turned, dRow, false)
      for token in 0..<n { weights[token] = -rates[token] * powers[token] }
      ck_scaled_rows(dRow, weights, dRow, n, d)
      add(keys, dRow)
      ck_pair_sums(dCorrection, floats(layout.keyScores), sums, n)
      ck_product(CK_LOWER_LEFT, n, d, n, rows(dCorrection, n), keyPanels, dRow, true)
      ck_add(CK_F32, keyGradients, dRow, keyGradients, 0, n * d)
    }

    ck_product(CK_WHOLE, n, d, v, rows(errors, v), panels(columns(dState, v), v, d), dColumn, false)
    ck_scaled_rows(dColumn, floats(layout.rests), dColumn, n, d)
    ck_row_dots(keys, dColumn, dots, n, d)
    for token in 0..<n {
      sums[token] -= Double(dots[token])
      sums[n - 1] += Double(dots[token])
    }
    ck_row_dots(state, dState, dots, d, v)
    let product = (0..<d).reduce(0) { $0 + Double(dots[$1]) }
    sums[n - 1] += Double(powers[n - 1]) * product
    ck_product(CK_UPPER_LEFT, n, d, n, columns(dMixing, n), queryPanels, dColumn, true)
    if sizes.corrects {
      ck_product(CK_UPPER_LEFT, n, d, n, columns(dCorrection, n), keyPanels, dColumn, true)
    }
    ck_add(CK_F32, queryGradients, dQuery, queryGradients, 0, n * d)
    ck_add(CK_F32, keyGradients, dColumn, keyGradients, 0, n * d)
    var sum = 0.0
    for token in (0..<n).reversed() {
      sum += sums[token]
      exponentGradients[token] = Float(sum)
    }
  }

  private func gradientOfState(_ dState: UnsafeMutablePointer<Float>) {
    let (n, d, v) = (tokens, sizes.keySize, sizes.valueSize)
    ck_scaled_rows(dState, floats(layout.lastPower), dState, d, v)
    ck_product(
      CK_WHOLE, d, v, n, columns(queries, d),
      panels(rows(outputGradients, v), n, v, scale: floats(layout.powers)), dState, true)
    guard sizes.corrects else { return }
    let weights = floats(layout.weights)
    ck_product(
      CK_WHOLE, d, v, n, columns(keys, d),
      panels(rows(valueGradients, v), n, v, scale: weights), dState, true)
  }

  private func scaleValueGradients() {
    guard sizes.corrects else { return }
    ck_scaled_rows(valueGradients, rates, valueGradients, tokens, sizes.valueSize)
  }
}
